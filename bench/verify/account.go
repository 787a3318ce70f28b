package verify

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
	callLimit       = 10 * time.Second
	initializeLimit = 30 * time.Second
)

// Names of the cookies (S3).
const (
	userCookie  = "app_session"
	ownerCookie = "owner_session"
	chairCookie = "chair_session"
)

// An account makes calls with the cookie of a session, or without one.
type account struct {
	probe  *probe
	token  string
	cookie string // name; empty: no cookie is sent
}

// get calls an endpoint without a body.
func (a account) get(path string) *answer { return a.call(a.probe.ctx, http.MethodGet, path, nil) }

// post sends body as JSON; a string is sent as it is.
func (a account) post(path string, body any) *answer {
	return a.call(a.probe.ctx, http.MethodPost, path, body)
}

// call is get and post with any method, until ctx is done.
func (a account) call(ctx context.Context, method, path string, body any) *answer {
	p := a.probe
	ctx, cancel := context.WithTimeout(ctx, p.limitOf(path))
	defer cancel()
	w := p.perform(p.client, a.request(ctx, method, path, body))
	w.request = encode(body)
	p.silence.note(w.err)
	if p.observe != nil {
		p.observe(w)
	}
	return w
}

func (p *probe) limitOf(path string) time.Duration {
	if path == initializePath {
		return initializeLimit
	}
	return p.silence.limit(callLimit)
}

// request is what call sends, for callers that change it before they perform it.
func (a account) request(ctx context.Context, method, path string, body any) *http.Request {
	text := encode(body)
	var r io.Reader
	if text != "" {
		r = strings.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.probe.base+path, r)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	req.Header.Set("User-Agent", "isuride-verify")
	if text != "" {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if a.cookie != "" {
		req.Header.Set("Cookie", a.cookie+"="+a.token)
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
