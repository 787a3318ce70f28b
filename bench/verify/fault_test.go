package verify

import (
	"net/http"
	"regexp"
	"strings"
)

// A fault is one broken rule: by name where the fake has to behave differently, otherwise by what it does to answers
// or notices on their way out.
type fault struct {
	name  string
	fails []string // the rules that have to fail, and no others

	polling bool // of the server with this fault
	blocks  bool // other rules may not be reached

	route    string // pattern of method and path
	status   int    // instead of the right one
	from, to string // pattern and replacement in the body
	header   [2]string

	notices string // "user" or "chair": from and to are for their notices
}

// apply changes an answer.
func (f fault) apply(status int, body string, h http.Header) (int, string) {
	if f.header[0] != "" {
		h.Set(f.header[0], f.header[1])
	}
	if f.from != "" && status < 300 {
		body = regexp.MustCompile(f.from).ReplaceAllString(body, f.to)
	}
	if f.status != 0 && status < 300 {
		status = f.status
	}
	return status, body
}

func (f fault) editNotice(kind, raw string) string {
	if f.notices != kind {
		return raw
	}
	return regexp.MustCompile(f.from).ReplaceAllString(raw, f.to)
}

// title is the name of the test.
func (f fault) title() string {
	if f.name != "" {
		return f.name
	}
	return strings.Join(f.fails, " ")
}
