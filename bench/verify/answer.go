package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds the part of an answer that is read; the contest's longest is below 100 KiB.
const maxBody = 16 << 20

// skew is how far the server's clock may be off; "well below one second" (S1.3).
const skew = time.Second

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

// fine reports a success of any kind: enough for what a scenario does not judge.
func (w *answer) fine() bool { return w.err == nil && w.status >= 200 && w.status < 300 }

// refused reports that the server blames the caller.
func (w *answer) refused() bool { return w.err == nil && w.status >= 400 && w.status < 500 }

func (w *answer) isStream() bool {
	return strings.Contains(w.header.Get("Content-Type"), "text/event-stream")
}

// decode fills v with the parts of the body that fit, however wrong the rest is.
func (w *answer) decode(v any) { _ = json.Unmarshal(w.body, v) }

// issued is the value of a cookie that an answer sets, whatever its attributes.
func (w *answer) issued(cookie string) string {
	c := w.cookieSet(cookie)
	if c == nil {
		return ""
	}
	return c.Value
}

// cookieSet is the cookie of that name that the answer sets, or nil.
func (w *answer) cookieSet(name string) *http.Cookie {
	for _, c := range (&http.Response{Header: w.header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// during reports whether a timestamp of the server lies within the exchange.
func (w *answer) during(ms int64) bool { return between(ms, w.sent, w.received) }

// between reports whether a timestamp of the server lies between two moments of our clock.
func between(ms int64, from, to time.Time) bool {
	return ms >= from.Add(-skew).UnixMilli() && ms <= to.Add(skew).UnixMilli()
}

// summary describes the answer in one line.
func (w *answer) summary() string {
	if w.err != nil {
		return fmt.Sprintf("no answer to %s %s: %v", w.method, w.path, w.err)
	}
	return fmt.Sprintf("%s %s answered %d %s", w.method, w.path, w.status, clip(w.body))
}

// lines show the exchange.
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

// shownHeaders are those that some rule is about.
var shownHeaders = [...]string{
	"Content-Type", "Set-Cookie", "Content-Encoding", "Etag", "Last-Modified", "Expires", "Cache-Control",
}

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
