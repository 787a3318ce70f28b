package client

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"isuride/bench/client/burn"
	"isuride/bench/client/evloop"
	"isuride/bench/client/h1"
	"isuride/bench/world"
)

// errCoding is a body that does not have the content coding it claims.
var errCoding = errors.New("undecodable content coding")

// A call is the one request of an entity, notifications apart, that may be under way. The
// World's goroutine fills in the arguments and submits it; from then on it belongs to the
// shard until the event is emitted.
type call struct {
	exchange
	cachedTask evloop.Task // cached; set once

	// Arguments.
	event   world.EventKind // ends the call
	made    time.Time
	points  [2]world.Point
	text    string // ride id, token or name
	number  int64  // rating, distance, time or status
	profile any    // to be marshalled

	buffer []byte   // of the request's body
	stored *stored  // what the cache has for the target, nil if nothing
	files  []string // of the visit still to GET
	again  [][]byte // files of the visit from the cache, to be hashed again

	retryAfter int // seconds; of the last answer
}

// bind makes c the call of e.
func (c *call) bind(e *entity) {
	c.exchange.bind(e, c)
	c.cachedTask = evloop.Func(c.cached)
}

// visit loads a page. Without a list of files there is none.
func (c *call) visit(v world.Visit) {
	if s := c.entity.shard.engine.config.Static; s != nil {
		c.files = s.visits[v]
	}
	c.submit(world.EventVisited)
}

// submit starts the call that ends with the given event.
func (c *call) submit(event world.EventKind) {
	c.event, c.made = event, time.Now()
	c.entity.shard.post(c)
}

// Run starts the call on the shard's goroutine.
func (c *call) Run() {
	if c.event == world.EventVisited {
		c.visitNext()
		return
	}
	c.build(&c.request)
	c.ask()
}

// build fills in the request of a call of the API.
func (c *call) build(q *h1.Request) {
	o := &operations[c.event]
	*q = h1.Request{Target: o.target(c), Post: o.body != nil}
	if q.Post {
		c.buffer = o.body(c, c.buffer[:0])
		q.Body = c.buffer
	}
}

// ask answers from the cache or sends the request.
func (c *call) ask() {
	e := c.entity
	c.request.Cookie = e.cookies.send(e.shard.engine.config.Target, c.request.Target)
	var fresh bool
	if c.stored, fresh = e.cache.lookup(&c.request, time.Now()); fresh {
		e.shard.counts.FromCache++
		e.shard.loop.Defer(c.cachedTask)
		return
	}
	if c.stored != nil {
		c.request.IfNoneMatch, c.request.IfModifiedSince = c.stored.etag, c.stored.lastModified
	}
	c.exchange.start(e.shard.engine.config.Limits.Call)
}

// cached answers from the cache.
func (c *call) cached() { c.use(c.stored.status) }

// use answers with what is stored.
func (c *call) use(status int) {
	if c.event == world.EventVisited && c.lane != nil {
		c.lane.Owe(burn.Cached)
		c.again = append(c.again, c.stored.body)
	}
	c.result(status, c.stored.body, c.stored.sum)
}

func (c *call) begin(*h1.Head) bool { return false }

func (c *call) piece([]byte) bool { return true }

// end takes the answer from the network, and from the cache what the network only
// confirms.
func (c *call) end(h *h1.Head, body []byte, err error) {
	shard := c.entity.shard
	shard.counts.Requests++
	if c.event == world.EventVisited {
		c.lane.Owe(burn.File)
	} else {
		c.lane.Owe(burn.Call)
	}
	if err != nil {
		c.finish(world.Event{Failure: failureOf(err)})
		return
	}
	shard.counts.Bytes += int64(len(body))
	c.retryAfter = h.RetryAfter
	if h.Status == http.StatusNotModified && c.stored != nil {
		c.use(h.Status)
		return
	}
	keep, err := newStored(&c.request, h)
	if err == nil && c.event == world.EventVisited && c.lane != nil {
		c.digest(keep, h, bytes.Clone(body))
		return
	}
	var sum Sum
	if err == nil {
		body, sum, err = c.decode(h, body)
	}
	c.decoded(h.Status, keep, body, sum, err)
}

// decoded goes on with an answer whose coding is undone, or could not be.
func (c *call) decoded(status int, keep *stored, body []byte, sum Sum, err error) {
	switch {
	case err != nil && c.wanted(status):
		f := failureOf(err)
		f.Status = status
		c.finish(world.Event{Failure: f})
		return
	case err == nil && keep != nil:
		c.keep(keep, body, sum)
	}
	c.result(status, body, sum)
}

// decode undoes the content coding. Of a static file only the sum is wanted.
func (c *call) decode(h *h1.Head, raw []byte) (body []byte, sum Sum, err error) {
	shard := c.entity.shard
	if c.event == world.EventVisited {
		sum, err = shard.known.sum(&shard.decoder, c.request.Target, h, raw)
		return nil, sum, err
	}
	if body, err = shard.decoder.Decode(raw, h.Encoding, maxBody); err != nil {
		err = fmt.Errorf("%w: %w", errCoding, err)
	}
	return body, sum, err
}

func (c *call) keep(s *stored, body []byte, sum Sum) {
	s.body, s.sum = append([]byte(nil), body...), sum
	c.entity.cache.put(c.request.Target, c.entity.shard.intern(c.request.Target, s), time.Now())
}

// wanted reports whether a status is a success. Pages may be anything but an error
// (B1.4).
func (c *call) wanted(status int) bool {
	if c.event == world.EventVisited {
		return 200 <= status && status < 400
	}
	return status == operations[c.event].status
}

// result judges a complete answer.
func (c *call) result(status int, body []byte, sum Sum) {
	if !c.wanted(status) {
		c.finish(world.Event{Failure: &world.Failure{Kind: world.FailureStatus, Status: status, Detail: excerpt(c.request.Target, body),
			RetryAfter: c.askedToWait(status)}})
		return
	}
	if c.event == world.EventVisited {
		c.visited(status, sum)
		return
	}
	e, err := operations[c.event].decode(body)
	if err != nil {
		e = world.Event{Failure: failureOf(err)}
		e.Failure.Status = status
	}
	switch account := e.Body.(type) {
	case *world.UserAccount:
		account.Session = c.session()
	case *world.OwnerAccount:
		account.Session = c.session()
	}
	c.finish(e)
}

// askedToWait is the time that a server that refuses asks for.
func (c *call) askedToWait(status int) world.Instant {
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		return world.Instant(c.retryAfter) * world.Second
	}
	return 0
}

// session is the Cookie field that goes with the account just registered.
func (c *call) session() string {
	return c.entity.cookies.send(c.entity.shard.engine.config.Target, c.request.Target)
}

// finish sends the event that ends the call.
func (c *call) finish(e world.Event) {
	e.To, e.Kind = c.entity.to, c.event
	d := delivery{event: e, took: time.Since(c.made)}
	if len(c.again) > 0 {
		c.entity.shard.burn(c.lane, c.rehash(), d)
		return
	}
	c.entity.shard.emit(c.lane, d)
}

// excerpt shows the beginning of an unexpected answer.
func excerpt(target string, body []byte) string {
	const most = 80
	if len(body) == 0 {
		return target
	}
	return fmt.Sprintf("%s: %q", target, body[:min(len(body), most)])
}

// visitNext goes on to the next file of a page, or ends the visit.
func (c *call) visitNext() {
	if len(c.files) == 0 {
		c.finish(world.Event{})
		return
	}
	c.request = h1.Request{Target: c.files[0]}
	c.files = c.files[1:]
	c.ask()
}

// visited checks the content of a file of the page.
func (c *call) visited(status int, sum Sum) {
	if want := c.entity.shard.engine.config.Static.Sums[c.request.Target]; sum != want {
		err := fmt.Errorf("%w: %s has MD5 %x, listed is %x", errContent, c.request.Target, sum, want)
		c.finish(world.Event{Failure: &world.Failure{Kind: world.FailureContent, Status: status, Detail: err.Error()}})
		return
	}
	c.visitNext()
}
