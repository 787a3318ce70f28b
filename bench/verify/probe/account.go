package probe

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// Limits of calls, as the benchmarker has them (S4.0).
const (
	CallLimit       = 10 * time.Second
	InitializeLimit = 30 * time.Second
)

// Names of the cookies (S3).
const (
	UserCookie  = "app_session"
	OwnerCookie = "owner_session"
	ChairCookie = "chair_session"
)

// An Account makes calls with the cookie of a session, or without one.
type Account struct {
	probe  *Probe
	Token  string
	cookie string // name; empty: no cookie is sent
}

// Get calls an endpoint without a body.
func (a Account) Get(path string) *Answer { return a.Call(a.probe.Context, http.MethodGet, path, nil) }

// Post sends body as JSON; a string is sent as it is.
func (a Account) Post(path string, body any) *Answer {
	return a.Call(a.probe.Context, http.MethodPost, path, body)
}

// Call is get and post with any method, until ctx is done.
func (a Account) Call(ctx context.Context, method, path string, body any) *Answer {
	p := a.probe
	ctx, cancel := context.WithTimeout(ctx, p.limitOf(path))
	defer cancel()
	w := p.Perform(p.Client, a.Request(ctx, method, path, body))
	w.request = encode(body)
	p.silence.note(w.Err)
	if p.Observe != nil {
		p.Observe(w)
	}
	return w
}

func (p *Probe) limitOf(path string) time.Duration {
	if path == InitializePath {
		return InitializeLimit
	}
	return p.silence.limit(CallLimit)
}

// Request is what call sends, for callers that change it before they perform it.
func (a Account) Request(ctx context.Context, method, path string, body any) *http.Request {
	text := encode(body)
	var r io.Reader
	if text != "" {
		r = strings.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.probe.URL+path, r)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	req.Header.Set("User-Agent", "isuride-verify")
	if text != "" {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if a.cookie != "" {
		req.Header.Set("Cookie", a.cookie+"="+a.Token)
	}
	return req
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
