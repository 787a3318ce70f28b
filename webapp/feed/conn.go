package feed

import (
	"context"
	"errors"
	"strconv"
	"time"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/internal/pulse"
	"isuride/webapp/isuride"
)

const (
	// maxSubscriptions bounds those of a connection: one that drives 500 chairs and 500 riders
	// fits.
	maxSubscriptions = 1200
	// maxConnections bounds those of a feed.
	maxConnections = 1000
	// maxStrikes is how often a reader may be too slow: the last time ends the connection.
	maxStrikes = 3
	// maxName bounds the name of a subscription.
	maxName = 100
	// fillTo is what may wait in the queue while a partial is made for its reader.
	fillTo = 256 << 10
	// patience is how long a partial waits for its reader to take something.
	patience = 10 * time.Second
)

// Conn is one reader's connection, with any number of subscriptions. Next belongs to one
// goroutine; the other methods may be called from any.
type Conn struct {
	// set once
	feed   *Feed
	wake   func()
	ctx    context.Context
	cancel context.CancelFunc

	turns chan struct{} // holds a token for each partial that is being made

	taken pulse.Pulse // beats when something was taken out of a long queue

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	subs    map[string]*sub
	queue   queue
	asleep  bool // Next had nothing: what is added next wakes its transport
	strikes int
	ending  bool // what is in the queue is the last

	// owned by the reader, in Next
	out   []byte
	write frameWriter
}

// sub is one subscription.
type sub struct {
	// set once
	*scope
	conn  *Conn
	name  string
	every bool // see Request.Every
	// interval is for how long its rows gather, 0 for not at all.
	interval time.Duration
	ctx      context.Context
	cancel   context.CancelFunc

	// owned by its filler
	at   uint64  // with every: the last event that was read
	made []entry // are to be queued

	// guarded by the connection's lock
	last  uint64 // number of the last frame that was handed out
	ended bool

	// guarded by the hub's lock
	audience *audience // nil unless the hub tells it of events
	after    uint64    // the last event that it has without the hub
}

// live reports whether the hub tells it of events. The hub's lock is held.
func (s *sub) live() bool { return s.audience != nil }

// Subscribe begins a subscription. A refusal comes as a frame, and the connection stays.
func (c *Conn) Subscribe(r Request) {
	s, begin, err := c.newSub(&r)
	if err != nil {
		c.Refuse(err)
		return
	}
	if err := c.addSub(s); err != nil {
		c.Refuse(err)
		return
	}
	if s.has(server) {
		c.feed.board.follow(s)
		return
	}
	c.feed.fillers.Go(func() { s.run(begin) })
}

func (c *Conn) newSub(r *Request) (*sub, start, *Error) {
	fail := func(err *Error) (*sub, start, *Error) {
		err.Sub = r.Name
		return nil, start{}, err
	}
	if len(r.Name) > maxName {
		r.Name = r.Name[:maxName]
		return fail(refuse(BadCommand, "the name of a subscription has at most %d bytes", maxName))
	}
	if r.Every && r.Viewer.Class != Operator {
		return fail(refuse(NoRight, "only an operator may ask for every report; leave that out"))
	}
	scope, err := newScope(r)
	if err != nil {
		return fail(err)
	}
	interval, err := parseInterval(r)
	if err != nil {
		return fail(err)
	}
	begin, err := newStart(r, c.feed.opt.Now())
	if err != nil {
		return fail(err)
	}
	if scope.has(server) && begin.since != nil {
		return fail(refuse(NotKept, "since: table server is of the present only; leave since out"))
	}
	if begin.since != nil {
		if err := c.feed.kept(*begin.since); err != nil {
			return fail(err)
		}
	}
	ctx, cancel := context.WithCancel(c.ctx)
	return &sub{scope: scope, conn: c, name: r.Name, every: r.Every, interval: interval, ctx: ctx, cancel: cancel}, begin, nil
}

func (c *Conn) addSub(s *sub) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err *Error
	switch {
	case c.ending:
		err = refuse(Closing, "the connection is being closed")
	case c.subs[s.name] != nil:
		err = refuse(NameTaken, "the connection has a subscription of the name %q already; unsubscribe first, or choose another name", s.name)
	case len(c.subs) == maxSubscriptions:
		err = refuse(TooMany, "the connection has %d subscriptions, and may have no more; open another one", maxSubscriptions)
	}
	if err != nil {
		err.Sub = s.name
		s.cancel()
		return err
	}
	c.subs[s.name] = s
	return nil
}

// Unsubscribe ends the subscription of that name; its last frame says so.
func (c *Conn) Unsubscribe(name string) {
	c.mu.Lock()
	s := c.subs[name]
	c.mu.Unlock()
	if s == nil {
		c.Refuse(c.unknownName(name))
		return
	}
	c.end(s, entry{sub: s, kind: ofEnd, action: Unsubscribed})
}

func (c *Conn) unknownName(name string) *Error {
	err := refuse(UnknownName, "the connection has no subscription of the name %.100q", name)
	err.Sub = name
	return err
}

// end takes a subscription out and tells its reader.
func (c *Conn) end(s *sub, last entry) {
	s.cancel()
	c.feed.hub.leave(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	delete(c.subs, s.name)
	c.queue.drop(func(of *sub) bool { return of == s })
	c.pushLocked(last)
	c.wakeLocked()
}

// fail ends a subscription with a refusal.
func (c *Conn) fail(s *sub, err *Error) {
	err.Sub = s.name
	if err.Ends {
		c.finish(err)
		return
	}
	c.end(s, entry{sub: s, kind: ofError, action: Failed, err: err})
}

// Refuse sends a refusal of the transport's own.
func (c *Conn) Refuse(err *Error) {
	if err.Ends {
		c.finish(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue.bytes > maxWaiting {
		return // a reader that only asks, and does not read
	}
	c.pushLocked(entry{kind: ofError, action: Failed, err: err})
	c.wakeLocked()
}

// finish lets the reader have what waits, then the reason, and no more.
func (c *Conn) finish(err *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return
	}
	c.ending = true
	c.cancel()
	c.pushLocked(entry{kind: ofError, action: Failed, err: err})
	c.wakeLocked()
}

func (c *Conn) pushLocked(e entry) { c.queue.push(e) }

// wakeLocked tells the reader's transport, if it may be waiting.
func (c *Conn) wakeLocked() {
	if c.asleep {
		c.asleep = false
		c.wake()
	}
}

// Next returns the next message, or false if there is none yet. It never blocks.
func (c *Conn) Next() (m Message, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue.empty() {
		c.asleep = !c.ending
		return Message{}, false
	}
	long := c.queue.bytes > fillTo/2
	part, t, more := c.queue.take()
	m = c.messageLocked(part, t, more)
	c.feed.counts.frames.Add(1)
	c.feed.counts.bytes.Add(uint64(len(m.JSON)))
	c.queue.release(part)
	m.Ends = c.ending && c.queue.empty()
	m.Over = len(c.subs) == 0 && c.queue.empty()
	if long {
		c.taken.Beat()
	}
	return m, true
}

// messageLocked makes the frame, and notes its number as the subscription's last.
func (c *Conn) messageLocked(part []entry, t tableID, more bool) Message {
	e := &part[len(part)-1]
	prev := uint64(0)
	if e.sub != nil {
		prev = e.sub.last
	}
	switch e.kind {
	case ofError, ofEnd:
		e.seq = prev
	default:
		e.sub.last = e.seq
	}
	if cap(c.out) > 3*maxFrame {
		c.out = nil
	}
	c.out = c.write.append(c.out[:0], part, t, more, prev)
	whole := !more && e.kind != ofError && e.kind != ofEnd
	return Message{JSON: c.out, Position: Position{e.epoch, e.seq}, Whole: whole}
}

// Close ends the connection.
func (c *Conn) Close() {
	c.cancel()
	c.mu.Lock()
	c.ending, c.asleep = true, false
	subs := c.subs
	c.subs = nil
	c.queue = queue{}
	c.mu.Unlock()
	for _, s := range subs {
		s.cancel()
		c.feed.hub.leave(s)
	}
	c.feed.closed(c)
}

// maxPartials bounds those that are made for one connection at a time.
const maxPartials = 2

// turn waits until a partial may be made, and returns what ends it.
func (c *Conn) turn(ctx context.Context) (leave func(), err error) {
	select {
	case c.turns <- struct{}{}:
		return func() { <-c.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// room waits until a filler may add something. A reader that takes nothing for long is not
// waited for.
func (c *Conn) room(ctx context.Context) error {
	for {
		next := c.taken.Next()
		c.mu.Lock()
		waiting := c.queue.bytes
		c.mu.Unlock()
		if waiting <= fillTo {
			return ctx.Err()
		}
		if err := waitFor(ctx, next, patience); err != nil {
			return err
		}
	}
}

// errElapsed says that something did not happen in time.
var errElapsed = errors.New("feed: the time for it is over")

// waitFor waits until something is done, which never is if done is nil; errElapsed says that
// the time went by.
func waitFor(ctx context.Context, done <-chan struct{}, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errElapsed
	}
}

// add queues what a filler has made. False means that the subscription is over.
func (c *Conn) add(s *sub, made ...entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.ended || c.ending || c.subs == nil {
		return false
	}
	for i := range made {
		c.pushLocked(made[i])
	}
	c.wakeLocked()
	return true
}

// strikeLocked gives up what waits for a reader that is too slow. The subscriptions begin
// again, or the connection ends. The hub's lock is held, too.
func (c *Conn) strikeLocked(h *hub) {
	c.strikes++
	c.feed.counts.dropped.Add(1)
	c.queue.drop(func(s *sub) bool { return s != nil && s.live() })
	if c.strikes >= maxStrikes {
		c.ending = true
		c.cancel()
		for _, s := range c.subs {
			h.leaveLocked(s)
		}
		c.pushLocked(entry{kind: ofError, action: Failed, err: c.tooSlow()})
		return
	}
	for _, s := range c.subs {
		if s.live() {
			h.leaveLocked(s)
			c.feed.fillers.Go(func() { s.run(start{reason: TooSlow}) })
		}
	}
}

func (c *Conn) tooSlow() *Error {
	c.feed.counts.cut.Add(1)
	return &Error{Code: SlowReader, Ends: true,
		Text: "more than " + strconv.Itoa(maxWaiting>>20) + " MiB waited for the reader again and again; read faster, or subscribe to less"}
}

// beatLocked queues a heartbeat.
func (c *Conn) beatLocked(s *sub, epoch, seq uint64, at isuride.Time) {
	c.pushLocked(entry{sub: s, kind: ofBeat, action: Heartbeat, epoch: epoch, seq: seq, at: at})
}
