package verify

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A server is the server under test, with what all calls of a run share.
type server struct {
	client  *http.Client  // for calls
	observe func(*answer) // sees the answer to every call; set before the first, may be nil
	base    string        // URL without a slash at the end
	streams *http.Client  // for notifications, so that closing a stream leaves the calls alone
	silence silence
}

// newServer talks to target. With addr, connections go there, whatever the URL names.
func newServer(target *url.URL, dial dialer, addr string) *server {
	return &server{
		client: newClient(dial, addr), streams: newClient(dial, addr),
		base: strings.TrimSuffix(target.String(), "/"),
	}
}

// close ends idle connections.
func (s *server) close() {
	s.client.CloseIdleConnections()
	s.streams.CloseIdleConnections()
}

// probe gives access to the server until ctx is done.
func (s *server) probe(ctx context.Context) *probe { return &probe{server: s, ctx: ctx} }

// A probe is one scenario's access to the server.
type probe struct {
	*server
	ctx     context.Context // calls and new streams end with it
	running sync.WaitGroup  // streams
}

// wait returns when all streams have ended.
func (p *probe) wait() { p.running.Wait() }

// over reports that the time is up or that the server has stopped answering.
func (p *probe) over() bool { return p.ctx.Err() != nil || p.silence.over() }

// sleep returns false if the time was up first.
func (p *probe) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// account makes calls with a session cookie, whose token may be empty or wrong.
func (p *probe) account(cookie, token string) account {
	return account{probe: p, cookie: cookie, token: token}
}

// anonymous makes calls without a cookie.
func (p *probe) anonymous() account { return account{probe: p} }

// perform sends a request and reads the answer, except for a stream, which has no end.
func (p *probe) perform(client *http.Client, req *http.Request) *answer {
	w := &answer{
		method: req.Method, path: req.URL.RequestURI(), cookie: req.Header.Get("Cookie"), sent: time.Now(),
	}
	defer func() { w.received = time.Now() }()
	if p.silence.over() {
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
	if !w.isStream() {
		w.body, w.err = io.ReadAll(io.LimitReader(res.Body, maxBody))
	}
	return w
}
