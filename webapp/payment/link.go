package payment

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"isuride/webapp/internal/lockwatch"
)

// links are the connections to the gateway: HTTP/1.1, kept alive, one request at a time
// on each.
//
// http.Transport serves a connection with two goroutines, which hand every request and
// answer over: with it a charge costs twice the CPU time (BenchmarkCharge), a tenth of
// what the whole server needs under full load. Reading answers is left to net/http.
type links struct {
	// Set once.
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	address string      // host:port
	tls     *tls.Config // nil without TLS

	mu     lockwatch.Mutex
	closed bool    // guarded by mu
	idle   []*link // guarded by mu; the one used last at the end
}

func newLinks(gateway *url.URL) *links {
	l := &links{dial: (&net.Dialer{}).DialContext}
	port := gateway.Port()
	if gateway.Scheme == "https" {
		l.tls = &tls.Config{ServerName: gateway.Hostname()}
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[gateway.Scheme]
	}
	l.address = net.JoinHostPort(gateway.Hostname(), port)
	return l
}

// link is one connection.
type link struct {
	conn   net.Conn
	limit  io.LimitedReader // of the conn: bounds an answer
	reader *bufio.Reader    // of limit
	since  time.Time        // idle
}

// post sends a charge and returns the status of its answer.
func (l *links) post(ctx context.Context, request []byte) (status int, err error) {
	a, err := l.send(ctx, aPost, request)
	return a.status, err
}

// answer is what came back. The body of a charge's is not kept.
type answer struct {
	status int
	body   []byte
}

// send sends a request and returns its answer. A kept connection may turn out to be closed
// by the gateway; then the request is repeated on another one, so there is one request of a
// charge at a time here as well.
func (l *links) send(ctx context.Context, kind *http.Request, request []byte) (a answer, err error) {
	for {
		c, kept, err := l.take(ctx)
		if err != nil {
			return answer{}, err
		}
		a, reusable, err := c.exchange(ctx, kind, request)
		if reusable {
			l.keep(c)
		} else {
			c.conn.Close()
		}
		if err == errNoAnswer && kept && ctx.Err() == nil {
			continue
		}
		return a, err
	}
}

// take returns an idle connection or else a new one.
func (l *links) take(ctx context.Context) (c *link, kept bool, err error) {
	l.mu.Lock()
	if n := len(l.idle); n > 0 {
		c, l.idle[n-1] = l.idle[n-1], nil
		l.idle = l.idle[:n-1]
	}
	l.mu.Unlock()
	if c != nil {
		return c, true, nil
	}
	conn, err := l.dial(ctx, "tcp", l.address)
	if err != nil {
		return nil, false, err
	}
	if l.tls != nil {
		secure := tls.Client(conn, l.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, false, err
		}
		conn = secure
	}
	c = &link{conn: conn, limit: io.LimitedReader{R: conn}}
	c.reader = bufio.NewReaderSize(&c.limit, 1<<10)
	return c, false, nil
}

// keep puts a connection aside for the next request, and closes the one idle for longest
// if that was too long ago or there are too many.
func (l *links) keep(c *link) {
	c.since = time.Now()
	var surplus *link
	l.mu.Lock()
	if l.closed {
		surplus = c
	} else {
		l.idle = append(l.idle, c)
		if oldest := l.idle[0]; len(l.idle) > idleConns || c.since.Sub(oldest.since) > idleTimeout {
			surplus = oldest
			l.idle = append(l.idle[:0], l.idle[1:]...)
		}
	}
	l.mu.Unlock()
	if surplus != nil {
		surplus.conn.Close()
	}
}

// close ends the idle connections, and those in use after their present request.
func (l *links) close() {
	l.mu.Lock()
	idle := l.idle
	l.idle, l.closed = nil, true
	l.mu.Unlock()
	for _, c := range idle {
		c.conn.Close()
	}
}

// exchange sends the request and reads the answer, until the context ends.
func (c *link) exchange(ctx context.Context, kind *http.Request, request []byte) (a answer, reusable bool, err error) {
	defer context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	c.limit.N = maxAnswer
	if _, err := c.conn.Write(request); err != nil {
		return answer{}, false, errNoAnswer
	}
	if _, err := c.reader.Peek(1); err != nil {
		return answer{}, false, errNoAnswer
	}
	resp, err := c.answer(kind)
	if err != nil {
		return answer{}, false, err
	}
	defer resp.Body.Close()
	a.status = resp.StatusCode
	if kind == aGet {
		a.body, err = io.ReadAll(resp.Body)
	} else {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	// Without a part of its body an answer is as good; that only costs the connection.
	return a, err == nil && !resp.Close && c.reader.Buffered() == 0 && ctx.Err() == nil, nil
}

// aPost tells net/http which request the answers belong to.
var aPost = &http.Request{Method: http.MethodPost}

// answer reads the final answer after interim ones.
func (c *link) answer(kind *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(c.reader, kind)
		if err != nil || resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}
