package httpd

import (
	"errors"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"isuride/webapp/internal/httpd/h2"
)

var errTooMany = errors.New("httpd: too many streams")

// streamHead2 is streamHead without what HTTP/2 says otherwise.
const streamHead2 = "Content-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n"

// exchange is a request over HTTP/2 with its answer. The session calls it: with itself
// locked until Serve, which has it alone from then on.
type exchange struct {
	// Set once.
	conn   *conn
	stream *h2.Stream

	// Owned by the session, then by Serve.
	ctx    *Ctx
	fault  fault // what is answered instead of a request
	host   string
	isHead bool
	number uint64 // among the requests of the connection, from 1
	owner  any    // nil if nobody's
	size   int    // of the answer
	claim  claim
}

// begin takes the head into the Ctx, as if it had been read there: fields are spans of its
// buffer. The framer has checked names, values and the order of pseudo fields.
func (e *exchange) begin(head *http2.MetaHeadersFrame) fault {
	x := e.ctx
	r := &x.req
	r.reset()
	r.stage = atBody
	e.isHead = head.PseudoValue("method") == "HEAD"
	if head.Truncated {
		return fault{431, "request head too large"}
	}
	if f := e.target(head); f.found() {
		return f
	}
	for _, f := range head.RegularFields() {
		if bad := e.field(f.Name, f.Value); bad.found() {
			return bad
		}
	}
	switch {
	case r.hosts == 0:
		return fault{400, "exactly one Host is required"}
	case r.length > e.conn.srv.opts.MaxBody:
		return fault{413, "request body too large"}
	}
	r.head = x.buf.end
	r.body = spanOf(r.head, r.head)
	return fault{}
}

// target takes the pseudo fields.
func (e *exchange) target(head *http2.MetaHeadersFrame) fault {
	x := e.ctx
	method, path, scheme := head.PseudoValue("method"), head.PseudoValue("path"), head.PseudoValue("scheme")
	for _, f := range head.PseudoFields() {
		if f.Name == ":protocol" {
			return fault{400, "unknown pseudo header field"}
		}
	}
	m, p := e.put(method), e.put(path)
	b := x.buf.b
	switch {
	case method == "" || !isToken(m.of(b)):
		return fault{400, "malformed method"}
	case scheme != "https" && scheme != "http":
		return fault{400, "malformed scheme"}
	case !strings.HasPrefix(path, "/") && path != "*":
		return fault{400, "malformed request target"}
	}
	x.req.method = m
	if !x.req.target(b, int(p.from), int(p.to)) {
		return fault{400, "malformed request target"}
	}
	if authority := head.PseudoValue("authority"); authority != "" {
		return e.field("host", authority)
	}
	return fault{}
}

// put copies a piece of the head.
func (e *exchange) put(text string) span {
	b := &e.ctx.buf
	from := b.end
	b.addString(text)
	return spanOf(from, b.end)
}

func (e *exchange) field(name, value string) fault {
	x := e.ctx
	r := &x.req
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return fault{400, "a field of HTTP/1.1"}
	case "te":
		if value != "trailers" {
			return fault{400, "a field of HTTP/1.1"}
		}
	case "host":
		if r.hosts == 1 && value == e.host { // it repeats the authority
			return fault{}
		}
		if r.hosts == 1 {
			return fault{400, "exactly one Host is required"}
		}
		e.host = value
	}
	if r.count == maxFields {
		return fault{431, "too many header fields"}
	}
	f := field{e.put(name), e.put(value)}
	b := x.buf.b
	if v := f.value.of(b); !isFieldValue(v) || len(trimBlank(v)) != len(v) {
		return fault{400, "malformed header field value"}
	}
	r.fields[r.count] = f
	r.count++
	return r.known(f.name.of(b), f.value.of(b))
}

func (e *exchange) Refused() bool { return e.fault.found() || e.ctx.req.refused }

// admit asks whether the request is to be served.
func (e *exchange) admit() {
	x := e.ctx
	ask := e.conn.srv.opts.Admit
	if e.fault.found() || ask == nil {
		return
	}
	x.msg = x.buf.pending()
	x.res.reset()
	x.req.refused = !ask(x)
}

// turnAway answers a refused request.
func (e *exchange) turnAway() {
	if e.ctx.res.drop {
		return
	}
	began := e.conn.now()
	_ = e.send() // the stream ends either way
	e.observe(e.conn.now() - began)
}

func (e *exchange) Expects() bool { return e.ctx.req.expect }

func (e *exchange) Body(p []byte) bool {
	r := &e.ctx.req
	if int(r.body.to-r.body.from)+len(p) > e.conn.srv.opts.MaxBody {
		e.fault = fault{413, "request body too large"}
		return false
	}
	e.ctx.buf.add(p)
	r.body.to += uint32(len(p))
	return true
}

// Complete checks the length, if one was declared.
func (e *exchange) Complete() bool {
	r := &e.ctx.req
	return r.length < 0 || r.length == int(r.body.to-r.body.from)
}

func (e *exchange) Late() { e.fault = fault{408, "request took too long"} }

func (e *exchange) Drop() { e.release() }

// release gives the buffers back.
func (e *exchange) release() {
	x := e.ctx
	e.ctx, x.conn, x.via = nil, nil, nil
	x.recycle()
	e.conn.srv.pool.Put(x)
	e.conn.srv.many.Add(-1)
}

// Serve answers.
func (e *exchange) Serve() {
	c := e.conn
	defer e.release()
	defer func() { // what panics outside the handler
		if v := recover(); v != nil {
			c.logPanic(e.ctx, v)
		}
	}()
	if e.fault.found() {
		e.refuse(e.fault)
		return
	}
	e.ctx.msg = e.ctx.buf.pending()
	e.number = c.requests.Add(1)
	if e.ctx.req.refused {
		e.turnAway()
		return
	}
	e.answer()
}

// refuse answers a request that cannot be served.
func (e *exchange) refuse(f fault) {
	e.ctx.req.reset()
	e.number = e.conn.requests.Load()
	e.sendError(f)
	e.observe(0)
}

// answer runs the handler and sends what it says.
func (e *exchange) answer() {
	c, x := e.conn, e.ctx
	began := c.now()
	ok := c.call(x)
	after, open := x.res.after, x.res.open
	switch {
	case !ok:
		e.sendError(fault{500, "internal error"})
		e.observe(c.now() - began)
		if after != nil {
			after(errPanicked)
		}
		return
	case open != nil && !e.isHead && !c.srv.admitStream():
		e.sendError(fault{503, "too many streams"})
		e.observe(c.now() - began)
		if after != nil {
			after(errTooMany)
		}
		return
	}
	err := e.send()
	e.observe(c.now() - began)
	if after != nil {
		after(err)
	}
	if err == nil && open != nil && !e.isHead {
		e.start(open)
	}
}

func (e *exchange) observe(took time.Duration) {
	if tell := e.conn.srv.opts.Observe; tell != nil {
		tell(e.ctx, took)
	}
}

func (e *exchange) sendError(f fault) {
	r := &e.ctx.res
	r.reset()
	r.status = f.status
	e.conn.srv.opts.Error(e.ctx, f.status, f.message)
	_ = e.send() // the stream ends either way
}

// send writes the answer.
func (e *exchange) send() error {
	r := &e.ctx.res
	h := h2.Head{Status: r.status, Length: len(r.body), Fixed: r.head, More: r.lines}
	body := r.body
	switch {
	case r.open != nil:
		h.Status, h.Length, h.Fixed = 200, -1, streamHead2+r.head
	case bodyless(r.status):
		h.Length, body = -1, nil
	}
	if e.isHead {
		body = nil
	}
	e.size = len(body)
	defer e.conn.srv.waiting.letGo(&e.claim)
	return e.stream.Send(&h, body, r.open != nil && !e.isHead)
}

// Waits counts what the exchange keeps while its answer waits, like conn.hold.
func (e *exchange) Waits() {
	if e.claim.held {
		return
	}
	e.claim.held = true
	s := e.conn.srv
	size := e.size + len(e.ctx.buf.b)
	if e.ctx.res.shared {
		size -= e.size
	}
	owner := e.owner
	if owner == nil {
		owner = e
	}
	s.waiting.add(&e.claim, owner, size, s.clock.Load())
}

func (e *exchange) Took(n int) { e.conn.srv.waiting.progressed(&e.claim, n) }

func (e *exchange) order() uint64 { return e.conn.serial }

func (e *exchange) cutAnswer() { e.stream.Cut() }

// start makes the answer a stream. Its head has been sent.
func (e *exchange) start(open func(*Stream)) {
	s := &Stream{conn: e.conn, via: e.stream, opened: true}
	e.conn.srv.streams.Add(1)
	e.conn.srv.join(s, e.owner)
	done := false
	defer func() {
		if !done { // it has panicked
			s.Close()
		}
		s.via.OnEnd(s.over)
	}()
	open(s)
	done = true
}

// over is called when a stream over HTTP/2 has ended.
func (s *Stream) over() {
	defer func() {
		if v := recover(); v != nil {
			s.conn.logPanic(nil, v)
		}
	}()
	s.closed.Store(true)
	s.conn.srv.streams.Add(-1)
	s.conn.srv.leave(s)
	if s.onClose != nil {
		s.onClose()
	}
}
