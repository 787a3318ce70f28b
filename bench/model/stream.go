package model

import (
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// Pauses of the clients of notifications (B9.2). The server asks for the same.
const pollPause = 30 * world.Millisecond

// A stream holds the notifications of one user or chair: the unsent ones and the last one
// sent, which a new connection gets again if there is none newer. All of them have the
// same event kind.
type stream struct {
	server *Server
	to     world.Entity
	kind   world.EventKind
	queue  []any
	last   any
	conn   connection // nil while the client is not connected
}

// A connection carries a stream to the client by one of the two transports.
type connection interface {
	virtual.Task
	pushed()
	close()
}

// push queues a notification.
func (t *stream) push(n any) {
	t.queue = append(t.queue, n)
	if t.conn != nil {
		t.conn.pushed()
	}
}

// idle reports whether everything has been sent.
func (t *stream) idle() bool { return len(t.queue) == 0 }

// next takes the oldest unsent notification, or the last one again.
func (t *stream) next() any {
	if len(t.queue) > 0 {
		t.last = t.queue[0]
		t.queue = t.queue[1:]
	}
	return t.last
}

func (t *stream) deliver(n any) {
	t.server.loop.Deliver(world.Event{To: t.to, Kind: t.kind, Body: n})
}

// OpenNotifications implements world.Notifications.
func (t *stream) OpenNotifications() {
	if t.server.config.Polling {
		t.conn = &poller{stream: t}
	} else {
		t.conn = &eventStream{stream: t}
	}
	t.server.loop.After(t.server.hop(), t.conn)
}

// CloseNotifications implements world.Notifications.
func (t *stream) CloseNotifications() {
	t.conn.close()
	t.conn = nil
}

// NotificationsTaken implements world.Notifications. This server never sends so much that
// a client has to stop it.
func (t *stream) NotificationsTaken(int) {}

// A poller asks again and again. It runs alternately at the server, where it picks up a
// notification, and at the client.
type poller struct {
	stream *stream
	answer any
	back   bool // the answer is on its way
	closed bool
}

func (p *poller) Run(world.Instant) {
	loop := p.stream.server.loop
	switch {
	case p.closed:
	case p.back:
		p.back = false
		loop.After(pollPause+p.stream.server.hop(), p)
		if p.answer != nil {
			p.stream.deliver(p.answer)
		}
	default:
		p.answer, p.back = p.stream.next(), true
		loop.After(p.stream.server.hop(), p)
	}
}

func (p *poller) pushed() {}
func (p *poller) close()  { p.closed = true }

// An eventStream sends at once. It runs when the server accepts the connection and then
// whenever a notification reaches the client.
type eventStream struct {
	stream   *stream
	accepted bool
	closed   bool
	flying   []any
	lastAt   world.Instant // when the newest of them arrives; TCP keeps the order
}

func (e *eventStream) Run(world.Instant) {
	switch {
	case e.closed:
	case !e.accepted:
		e.accepted = true
		if e.stream.idle() && e.stream.last != nil {
			e.send(e.stream.last)
		}
		e.pushed()
	default:
		n := e.flying[0]
		e.flying = e.flying[1:]
		e.stream.deliver(n)
	}
}

func (e *eventStream) pushed() {
	if e.accepted {
		for !e.stream.idle() {
			e.send(e.stream.next())
		}
	}
}

func (e *eventStream) send(n any) {
	loop := e.stream.server.loop
	e.lastAt = max(loop.Now()+e.stream.server.hop(), e.lastAt)
	e.flying = append(e.flying, n)
	loop.After(e.lastAt-loop.Now(), e)
}

func (e *eventStream) close() { e.closed = true }
