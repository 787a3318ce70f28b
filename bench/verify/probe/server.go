// Package probe talks to a server under test as the benchmarker does: calls with a
// session, notifications by either transport, and the payment gateway that the server
// calls. It records what was said, so that it can be shown, and describes the form of
// correct answers. What answers have to say is left to package rules.
package probe

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A Server is the server under test, with what all calls of a run share.
type Server struct {
	Client  *http.Client  // for calls
	Observe func(*Answer) // sees every answer; set before the first call, may be nil
	URL     string        // URL without a slash at the end
	streams *http.Client  // for streams; closing one leaves the calls alone
	silence silence
}

// NewServer talks to target. With addr, connections go there, whatever the URL names.
func NewServer(target *url.URL, dial Dialer, addr string) *Server {
	return &Server{
		Client: newClient(dial, addr), streams: newClient(dial, addr),
		URL: strings.TrimSuffix(target.String(), "/"),
	}
}

// Close ends idle connections.
func (s *Server) Close() {
	s.Client.CloseIdleConnections()
	s.streams.CloseIdleConnections()
}

// Probe gives access to the server until ctx is done.
func (s *Server) Probe(ctx context.Context) *Probe { return &Probe{Server: s, Context: ctx} }

// A Probe is one scenario's access to the server.
type Probe struct {
	*Server
	Context context.Context // calls and new streams end with it
	running sync.WaitGroup  // streams
}

// Wait returns when all streams have ended.
func (p *Probe) Wait() { p.running.Wait() }

// Over reports that the time is up or that the server has stopped answering.
func (p *Probe) Over() bool { return p.Context.Err() != nil || p.silence.over() }

// Sleep returns false if the time was up first.
func (p *Probe) Sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.Context.Done():
		return false
	}
}

// Account makes calls with a session cookie, whose token may be empty or wrong.
func (p *Probe) Account(cookie, token string) Account {
	return Account{probe: p, cookie: cookie, Token: token}
}

// Anonymous makes calls without a cookie.
func (p *Probe) Anonymous() Account { return Account{probe: p} }

// Perform sends a request and reads the answer, except for a stream, which has no end.
func (p *Probe) Perform(client *http.Client, req *http.Request) *Answer {
	w := &Answer{
		method: req.Method, Path: req.URL.RequestURI(), cookie: req.Header.Get("Cookie"), Sent: time.Now(),
	}
	defer func() { w.Received = time.Now() }()
	if p.silence.over() {
		w.Err = ErrSilent
		return w
	}
	res, err := client.Do(req)
	if err != nil {
		w.Err = err
		return w
	}
	defer res.Body.Close()
	w.Status, w.Header = res.StatusCode, res.Header
	if !w.isStream() {
		w.Body, w.Err = io.ReadAll(io.LimitReader(res.Body, maxBody))
	}
	return w
}
