package client

import (
	"errors"
	"time"

	"isuride/bench/client/burn"
	"isuride/bench/client/evloop"
	"isuride/bench/client/h1"
)

// Errors of an exchange besides those of the network and of package h1.
var (
	errTimeout = errors.New("no complete answer within the limit")
	errTooLong = errors.New("answer longer than 32 MiB")
	errTooMuch = errors.New("unfinished answers longer than 64 MiB together")
)

// maxBody bounds an answer. The longest honest one, an owner's chairs, has a few hundred
// KiB.
const maxBody = 32 << 20

// Thousands of clients may be sent endless bodies. When the unfinished ones of a shard
// hold more than maxGathered together, those longer than maxHonest, which is more than a
// file of a front end has, are given up.
const (
	maxGathered = 64 << 20
	maxHonest   = 1 << 20
)

// A consumer takes the answer of an exchange. It is called on the shard's goroutine and
// may start the next exchange from end.
type consumer interface {
	// begin takes status and header. If it returns true, the body goes to piece as it
	// comes.
	begin(h *h1.Head) (stream bool)
	// piece takes the next part of a stream; it is valid during the call. If it returns
	// false, nothing more is read until exchange.resume.
	piece(p []byte) (more bool)
	// end is called once per exchange unless that was cancelled: with the complete
	// answer, whose body is valid during the call and empty after streaming, or with an
	// error.
	end(h *h1.Head, body []byte, err error)
}

// An exchange is one request and its answer, over as many connections as the retries of
// B13.6 need. Its owner may use it again when it has ended.
type exchange struct {
	entity   *entity    // set once
	consumer consumer   // set once
	canWait  bool       // set once: it can wait for a descriptor, see shard.makeRoom
	lane     *burn.Lane // set once: to the World, through the pool; nil without one
	timer    evloop.Timer

	request h1.Request
	out     []byte // the request's bytes, kept for its capacity
	active  bool
	conn    *conn     // nil while none is assigned
	stream2 *h2Stream // the same over HTTP/2

	head      h1.Head
	streaming bool
	onlyPiece []byte // of the body so far, still in the read buffer
	body      []byte // what has come of it otherwise, in one of the shard's buffers
}

// bind sets what stays.
func (x *exchange) bind(e *entity, c consumer) {
	x.entity, x.consumer = e, c
	if e.shard.engine.config.Burner != nil {
		x.lane = new(burn.Lane)
	}
	x.timer.Fire = func() { x.fail(errTimeout) }
}

// start sends the request. The exchange must not be active.
func (x *exchange) start(limit time.Duration) {
	x.active, x.streaming, x.head = true, false, h1.Head{}
	loop := x.entity.shard.loop
	loop.Start(&x.timer, limit)
	x.attempt()
}

// attempt sends the request over an idle connection or a new one.
func (x *exchange) attempt() {
	if x.entity.http2 != nil {
		x.entity.http2.roundTrip(x)
		return
	}
	x.out = x.entity.shard.engine.template.AppendRequest(x.out[:0], &x.request)
	if c := x.entity.takeIdle(); c != nil {
		c.assign(x)
		return
	}
	c, err := dial(x.entity, x.canWait)
	if err != nil {
		x.failLater(err)
		return
	}
	c.assign(x)
}

// failLater reports a failure that is known before start has returned.
func (x *exchange) failLater(err error) {
	x.entity.shard.loop.Defer(evloop.Func(func() {
		if x.active && x.conn == nil && x.stream2 == nil {
			x.fail(err)
		}
	}))
}

// lost goes on after the connection broke before the answer was complete. It repeats the
// request where the HTTP library of the official bench silently does (B13.6).
func (x *exchange) lost(c *conn, err error) {
	x.conn = nil
	if c.served > 0 && !c.reader.Begun() && (c.sent == 0 || !x.request.Post) {
		x.attempt()
		return
	}
	x.finish(nil, err)
}

// fail ends the exchange with an error and drops its connection.
func (x *exchange) fail(err error) {
	x.drop()
	x.finish(nil, err)
}

// cancel ends the exchange without calling the consumer.
func (x *exchange) cancel() {
	if x.active {
		x.drop()
		x.release()
	}
}

// drop closes what carries the exchange.
func (x *exchange) drop() {
	if c := x.conn; c != nil {
		x.conn, c.exchange = nil, nil
		c.close()
	}
	if x.stream2 != nil {
		x.stream2.drop()
	}
}

// resume goes on reading after piece has returned false.
func (x *exchange) resume() {
	if x.conn != nil {
		x.conn.resume()
	}
	if x.stream2 != nil {
		x.stream2.resume()
	}
}

// begin takes the head of the answer.
func (x *exchange) begin(h *h1.Head) {
	x.head = *h
	x.streaming = x.consumer.begin(&x.head)
}

// take collects a piece of the body. Fast path: one that remains the only one is never
// copied.
func (x *exchange) take(piece []byte) error {
	if x.onlyPiece == nil && x.body == nil {
		x.onlyPiece = piece
		return nil
	}
	if err := x.keep(); err != nil {
		return err
	}
	return x.gather(piece)
}

// keep copies what take left in the read buffer.
func (x *exchange) keep() error {
	piece := x.onlyPiece
	if piece == nil {
		return nil
	}
	x.onlyPiece = nil
	return x.gather(piece)
}

// gather copies a piece of the body.
func (x *exchange) gather(piece []byte) error {
	s := x.entity.shard
	switch size := len(x.body) + len(piece); {
	case size > maxBody:
		return errTooLong
	case size > maxHonest && s.gathered+len(piece) > maxGathered:
		return errTooMuch
	}
	if x.body == nil {
		x.body = s.takeBuffer()
	}
	x.body = append(x.body, piece...)
	s.gathered += len(piece)
	return nil
}

// complete ends the exchange with an answer.
func (x *exchange) complete() {
	body := x.onlyPiece
	if x.body != nil {
		body = x.body
	}
	x.finish(body, nil)
}

// finish hands the result over. The body's buffer is given back when the consumer has
// seen it.
func (x *exchange) finish(body []byte, err error) {
	gathered := x.body
	x.body = nil
	x.release()
	x.entity.sawCookies(&x.head)
	x.consumer.end(&x.head, body, err)
	if gathered != nil {
		x.entity.shard.putBuffer(gathered)
	}
}

func (x *exchange) release() {
	x.active, x.onlyPiece = false, nil
	x.entity.shard.loop.Cancel(&x.timer)
	if x.body != nil {
		x.entity.shard.putBuffer(x.body)
		x.body = nil
	}
}
