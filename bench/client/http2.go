package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"

	"isuride/bench/client/burn"
	"isuride/bench/client/h1"
)

// An h2 is the connection of an entity whose server has chosen HTTP/2. It is net/http's,
// as in the official bench, with a goroutine for each request; what it finds goes to the
// event loop piece by piece.
type h2 struct {
	entity    *entity
	transport *http.Transport

	mu    sync.Mutex
	first net.Conn // guarded by mu; on which the choice was made, until it is used
}

// becomeHTTP2 gives the connection to net/http, and c's request with it.
func (c *conn) becomeHTTP2(secure *tls.Conn, socket *tlsSocket) {
	e, x := c.entity, c.exchange
	engine, route := e.shard.engine, c.route
	socket.onClose = func() { engine.dials.closed(route, true) }
	c.state = connClosed // it is no longer ours to close
	c.exchange, x.conn = nil, nil
	x.lane.Owe(burn.Connection)
	if e.http2 == nil {
		e.http2 = newH2(e)
	}
	e.http2.offer(secure)
	x.attempt()
}

func newH2(e *entity) *h2 {
	h := &h2{entity: e}
	h.transport = &http.Transport{
		DialTLSContext:     h.dial,
		DisableCompression: true, // the consumer decodes, as over HTTP/1.1
		IdleConnTimeout:    e.shard.engine.config.Limits.Idle,
		Protocols:          new(http.Protocols),
	}
	h.transport.Protocols.SetHTTP1(true)
	h.transport.Protocols.SetHTTP2(true)
	return h
}

// offer keeps a connection for the next dial.
func (h *h2) offer(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.first != nil {
		h.first.Close()
	}
	h.first = c
}

func (h *h2) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	h.mu.Lock()
	first := h.first
	h.first = nil
	h.mu.Unlock()
	if first != nil {
		return first, nil
	}
	engine, route := h.entity.shard.engine, h.entity.route
	engine.dials.started(route)
	secure, socket, err := handshake(ctx, engine, route)
	if err != nil {
		engine.dials.closed(route, false)
		return nil, err
	}
	socket.onClose = func() { engine.dials.closed(route, true) }
	return secure, nil
}

// close ends the connection once it is idle.
func (h *h2) close() { h.transport.CloseIdleConnections() }

// roundTrip carries out x.
func (h *h2) roundTrip(x *exchange) {
	ctx, cancel := context.WithCancel(context.Background())
	x.stream2 = &h2Stream{exchange: x, shard: x.entity.shard, cancel: cancel, taken: make(chan struct{}, 1)}
	go x.stream2.run(ctx, h.transport, h.request(ctx, &x.request))
}

func (h *h2) request(ctx context.Context, q *h1.Request) *http.Request {
	u := *h.entity.shard.engine.config.Target
	u.Path, u.RawPath, u.RawQuery = "", "", ""
	method, body := http.MethodGet, io.Reader(nil)
	if q.Post {
		method, body = http.MethodPost, bytes.NewReader(bytes.Clone(q.Body))
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String()+q.Target, body)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	for name, value := range map[string]string{
		"User-Agent": h1.UserAgent, "Accept": h1.Accept, "Accept-Encoding": h1.AcceptEncoding,
		"Cookie": q.Cookie, "If-None-Match": q.IfNoneMatch, "If-Modified-Since": q.IfModifiedSince,
	} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if q.Post {
		r.Header.Set("Content-Type", h1.JSONContentType)
	}
	return r
}

// An h2Stream is an exchange over HTTP/2. Its goroutine hands over one thing at a time
// and waits until it was taken, so that a flood of input stays where it comes from.
type h2Stream struct {
	shard  *shard
	cancel context.CancelFunc
	taken  chan struct{} // one message for each thing taken

	exchange *exchange // owned by the loop; nil once the exchange is over
}

// run is the goroutine.
func (s *h2Stream) run(ctx context.Context, t *http.Transport, r *http.Request) {
	defer s.cancel()
	resp, err := t.RoundTrip(r)
	if err != nil {
		s.shard.loop.Post(&h2Part{stream: s, err: err, last: true})
		return
	}
	defer resp.Body.Close()
	if !s.hand(ctx, &h2Part{head: h1.HeadOf(resp.StatusCode, resp.Header)}) {
		return
	}
	buf := make([]byte, 16<<10)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 && !s.hand(ctx, &h2Part{piece: buf[:n]}) {
			return
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			s.shard.loop.Post(&h2Part{stream: s, err: err, last: true})
			return
		}
	}
}

// hand gives a part to the loop and waits until it was taken; false if the exchange is
// over.
func (s *h2Stream) hand(ctx context.Context, p *h2Part) bool {
	p.stream = s
	s.shard.loop.Post(p)
	select {
	case <-s.taken:
		return true
	case <-ctx.Done():
		return false
	}
}

// resume lets the goroutine go on.
func (s *h2Stream) resume() {
	select {
	case s.taken <- struct{}{}:
	default:
	}
}

// An h2Part is part of an answer on its way to the loop.
type h2Part struct {
	stream *h2Stream
	head   h1.Head // of the first part
	piece  []byte
	err    error
	last   bool
}

func (p *h2Part) Run() {
	s, x := p.stream, p.stream.exchange
	if x == nil {
		return
	}
	more := true
	switch {
	case p.last:
		s.over()
		if p.err != nil {
			x.finish(nil, p.err)
		} else {
			x.complete()
		}
		return
	case p.piece == nil:
		x.begin(&p.head)
	case x.streaming:
		more = x.consumer.piece(p.piece)
	default:
		if err := x.gather(p.piece); err != nil {
			x.fail(err)
			return
		}
	}
	if more {
		s.resume()
	}
}

// over parts the stream from its exchange.
func (s *h2Stream) over() {
	s.exchange.stream2 = nil
	s.exchange = nil
}

// drop ends the stream before its time.
func (s *h2Stream) drop() {
	s.over()
	s.cancel()
}
