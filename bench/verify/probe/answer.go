package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds the part of an answer that is read; the contest's longest is below 100
// KiB.
const maxBody = 16 << 20

// skew is how far the server's clock may be off; "well below one second" (S1.3).
const skew = time.Second

// An Answer is one exchange with the server.
type Answer struct {
	method, Path    string
	cookie, request string
	Sent, Received  time.Time

	Err    error // no answer, or not all of it
	Status int   // 0: no answer
	Header http.Header
	Body   []byte
}

// Fine reports a success of any kind: enough for what a scenario does not judge.
func (w *Answer) Fine() bool { return w.Err == nil && w.Status >= 200 && w.Status < 300 }

// Refused reports that the server blames the caller.
func (w *Answer) Refused() bool { return w.Err == nil && w.Status >= 400 && w.Status < 500 }

func (w *Answer) isStream() bool {
	return strings.Contains(w.Header.Get("Content-Type"), "text/event-stream")
}

// Decode fills v with the parts of the body that fit, however wrong the rest is.
func (w *Answer) Decode(v any) { _ = json.Unmarshal(w.Body, v) }

// Issued is the value of a cookie that an answer sets, whatever its attributes.
func (w *Answer) Issued(cookie string) string {
	c := w.Cookie(cookie)
	if c == nil {
		return ""
	}
	return c.Value
}

// Cookie is the cookie of that name that the answer sets, or nil.
func (w *Answer) Cookie(name string) *http.Cookie {
	for _, c := range (&http.Response{Header: w.Header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// During reports whether a timestamp of the server lies within the exchange.
func (w *Answer) During(ms int64) bool { return Between(ms, w.Sent, w.Received) }

// Between reports whether a timestamp of the server lies between two moments of our
// clock.
func Between(ms int64, from, to time.Time) bool {
	return ms >= from.Add(-skew).UnixMilli() && ms <= to.Add(skew).UnixMilli()
}

// Summary describes the answer in one line.
func (w *Answer) Summary() string {
	if w.Err != nil {
		return fmt.Sprintf("no answer to %s %s: %v", w.method, w.Path, w.Err)
	}
	return fmt.Sprintf("%s %s answered %d %s", w.method, w.Path, w.Status, clip(w.Body))
}

// Lines show the exchange.
func (w *Answer) Lines() []string {
	first := "> " + w.method + " " + w.Path
	if w.cookie != "" {
		first += "   Cookie: " + w.cookie
	}
	all := []string{first}
	if w.request != "" {
		all = append(all, "> "+clip([]byte(w.request)))
	}
	if w.Err != nil {
		return append(all, "< "+w.Err.Error())
	}
	all = append(all, w.head())
	if len(w.Body) > 0 {
		all = append(all, "< "+clip(w.Body))
	}
	return all
}

// shownHeaders are those that some rule is about.
var shownHeaders = [...]string{
	"Content-Type", "Set-Cookie", "Content-Encoding", "Etag", "Last-Modified", "Expires", "Cache-Control",
}

func (w *Answer) head() string {
	line := fmt.Sprintf("< %d %s", w.Status, http.StatusText(w.Status))
	for _, h := range shownHeaders {
		for _, v := range w.Header.Values(h) {
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
