package verify

import (
	"net/http"
	"regexp"
	"strings"
)

// A fault breaks one rule. Either the fake looks for its name and behaves differently, or
// it changes answers or notices on their way out.
type fault struct {
	name  string
	fails string // the rules that have to fail, separated by spaces, and no others

	polling bool // of the server with this fault
	blocks  bool // other rules may not be reached

	route    string // pattern of method and path
	status   int    // instead of the right one
	from, to string // pattern and replacement in the body
	header   [2]string

	notices string // "user" or "chair": from and to are for their notices
}

// An editor is a fault with its patterns compiled.
type editor struct {
	fault
	routes, bodies *regexp.Regexp // nil if there is none
}

func newEditor(f fault) editor {
	e := editor{fault: f}
	if f.route != "" {
		e.routes = regexp.MustCompile(f.route)
	}
	if f.from != "" {
		e.bodies = regexp.MustCompile(f.from)
	}
	return e
}

// answer changes a successful answer.
func (e editor) answer(r *http.Request, status int, body string, h http.Header) (int, string) {
	if e.routes == nil || status >= 300 || !e.routes.MatchString(r.Method+" "+r.URL.RequestURI()) {
		return status, body
	}
	if e.header[0] != "" {
		h.Set(e.header[0], e.header[1])
	}
	if e.bodies != nil {
		body = e.bodies.ReplaceAllString(body, e.to)
	}
	if e.status != 0 {
		status = e.status
	}
	return status, body
}

func (e editor) notice(kind, raw string) string {
	if e.notices != kind {
		return raw
	}
	return e.bodies.ReplaceAllString(raw, e.to)
}

// title is the name of the test.
func (f fault) title() string {
	if f.name != "" {
		return f.name
	}
	return strings.TrimSpace(f.route + " " + f.notices + " " + f.from + f.header[0])
}
