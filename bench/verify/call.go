package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Limits of calls, as the benchmarker has them (S4.0).
const (
	callLimit       = 10 * time.Second
	initializeLimit = 30 * time.Second
)

// maxBody bounds what is read of an answer; the contest's longest is below 100 KiB.
const maxBody = 16 << 20

// An account is a session: the cookie its calls carry.
type account struct {
	t      *trial
	cookie string // name; empty: no cookie is sent
	token  string
}

// Names of the cookies (S3).
const (
	userCookie  = "app_session"
	ownerCookie = "owner_session"
	chairCookie = "chair_session"
)

func (a account) get(path string) *answer { return a.call(a.t.ctx, http.MethodGet, path, nil) }

// post sends body as JSON; a string is sent as it is.
func (a account) post(path string, body any) *answer {
	return a.call(a.t.ctx, http.MethodPost, path, body)
}

func (a account) call(ctx context.Context, method, path string, body any) *answer {
	ctx, cancel := context.WithTimeout(ctx, a.t.limitOf(path))
	defer cancel()
	text := encode(body)
	req, err := a.newRequest(ctx, method, path, text)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	w := a.t.perform(a.t.client, req)
	w.request = text
	a.t.silence.note(w.err)
	a.t.answers.note(w)
	return w
}

func (t *trial) limitOf(path string) time.Duration {
	if path == initializePath {
		return initializeLimit
	}
	return t.silence.limit(callLimit)
}

func encode(body any) string {
	switch b := body.(type) {
	case nil:
		return ""
	case string:
		return b
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(b)
}

func (a account) newRequest(ctx context.Context, method, path, body string) (*http.Request, error) {
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.t.base+path, r)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "isuride-verify")
	if body != "" {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if a.cookie != "" {
		req.Header.Set("Cookie", a.cookie+"="+a.token)
	}
	return req, nil
}

// perform sends a request and reads its answer; endless answers are not read.
func (t *trial) perform(client *http.Client, req *http.Request) *answer {
	w := &answer{method: req.Method, path: req.URL.RequestURI(), cookie: req.Header.Get("Cookie"), sent: time.Now()}
	defer func() { w.received = time.Now() }()
	if t.silence.over() {
		w.err = errSilent
		return w
	}
	res, err := client.Do(req)
	if err != nil {
		w.err = err
		return w
	}
	defer res.Body.Close()
	w.status, w.header = res.StatusCode, res.Header
	if w.isStream() {
		return w
	}
	w.body, w.err = io.ReadAll(io.LimitReader(res.Body, maxBody))
	return w
}

// An answer is one exchange with the server.
type answer struct {
	method, path    string
	cookie, request string
	sent, received  time.Time

	err    error // no answer, or not all of it
	status int   // 0: no answer
	header http.Header
	body   []byte
}

// fine is a success of any kind: enough for what a scenario does not judge.
func (w *answer) fine() bool { return w.err == nil && w.status >= 200 && w.status < 300 }

// refused is an error of the caller's.
func (w *answer) refused() bool { return w.err == nil && w.status >= 400 && w.status < 500 }

func (w *answer) isStream() bool {
	return strings.Contains(w.header.Get("Content-Type"), "text/event-stream")
}

// decode takes out of the body what is there, however wrong the rest is.
func (w *answer) decode(v any) { _ = json.Unmarshal(w.body, v) }

// summary is the answer in a few words.
func (w *answer) summary() string {
	if w.err != nil {
		return fmt.Sprintf("no answer to %s %s: %v", w.method, w.path, w.err)
	}
	return fmt.Sprintf("%s %s answered %d %s", w.method, w.path, w.status, clip(w.body))
}

func (w *answer) lines() []string {
	first := "> " + w.method + " " + w.path
	if w.cookie != "" {
		first += "   Cookie: " + w.cookie
	}
	all := []string{first}
	if w.request != "" {
		all = append(all, "> "+clip([]byte(w.request)))
	}
	if w.err != nil {
		return append(all, "< "+w.err.Error())
	}
	all = append(all, w.head())
	if len(w.body) > 0 {
		all = append(all, "< "+clip(w.body))
	}
	return all
}

// shownHeaders are those that a rule is about.
var shownHeaders = [...]string{"Content-Type", "Set-Cookie", "Content-Encoding", "Etag", "Last-Modified", "Expires", "Cache-Control"}

func (w *answer) head() string {
	line := fmt.Sprintf("< %d %s", w.status, http.StatusText(w.status))
	for _, h := range shownHeaders {
		for _, v := range w.header.Values(h) {
			line += "   " + h + ": " + v
		}
	}
	return line
}

// clip shortens what is shown.
func clip(b []byte) string {
	const most = 1200
	b = bytes.TrimSpace(b)
	if len(b) > most {
		return fmt.Sprintf("%s... (%d bytes)", bytes.ToValidUTF8(b[:most], nil), len(b))
	}
	return string(b)
}
