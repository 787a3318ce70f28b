package client

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/client/burn"
	"isuride/bench/client/evloop"
	"isuride/bench/client/h1"
	"isuride/bench/world"
)

// A feed is the notification connection of a user or chair (B9). Whether the server
// streams or is polled, each answer says by its Content-Type.
//
// Nothing that goes wrong here is reported; it is counted as dropped, and the feed tries
// again.
type feed struct {
	exchange

	// Set once.
	target string
	event  world.EventKind
	decode func(message []byte) (any, error)

	// Set once: open, close and goOn, to be posted to the shard.
	openTask, closeTask, goOnTask evloop.Task

	// Owned by the shard's goroutine.
	pause  evloop.Timer // before the next connection or poll
	opened int          // how often it was opened or closed
	polls  int          // successful ones in a row; the first one's retry_after is ignored (B9.2)
	line   []byte       // beginning of a line of the stream
	held   []byte       // input for which the World has no room
	ended  bool         // the stream has ended after what is held
	posted int64
	last   []byte // the last polled message, and what it decoded to
	lastAs any

	taken   atomic.Int64 // by the World
	blocked atomic.Bool  // reading has stopped until something is taken
}

// bind makes f the feed of e.
func (f *feed) bind(e *entity, target string, event world.EventKind, decode func(message []byte) (any, error)) {
	f.exchange.bind(e, f)
	f.target, f.event, f.decode = target, event, decode
	f.pause.Fire = f.connect
	f.openTask, f.closeTask, f.goOnTask = evloop.Func(f.open), evloop.Func(f.close), evloop.Func(f.goOn)
}

// OpenNotifications implements world.Notifications.
func (f *feed) OpenNotifications() { f.entity.shard.post(f.openTask) }

// CloseNotifications implements world.Notifications.
func (f *feed) CloseNotifications() { f.entity.shard.post(f.closeTask) }

// NotificationsTaken implements world.Notifications.
func (f *feed) NotificationsTaken(n int) {
	f.taken.Add(int64(n))
	if f.blocked.Load() {
		f.entity.shard.post(f.goOnTask)
	}
}

func (f *feed) open() {
	f.opened++
	f.polls = 0
	f.connect()
}

func (f *feed) close() {
	f.opened++
	f.entity.shard.loop.Cancel(&f.pause)
	f.exchange.cancel()
	f.line, f.held, f.ended = nil, nil, false
	f.blocked.Store(false)
}

// goOn reads on from what was held, if there is room.
func (f *feed) goOn() {
	if !f.blocked.Load() || f.full() {
		return
	}
	f.blocked.Store(false)
	held := f.held
	f.held = nil
	switch {
	case !f.lines(held):
	case f.ended:
		f.ended = false
		f.streamEnded()
	case f.exchange.active:
		f.exchange.resume()
	default:
		f.next(0)
	}
}

// full reports whether the World has as many notifications to take as it wants. If so,
// reading goes on when it takes one.
func (f *feed) full() bool {
	if f.posted-f.taken.Load() < world.NotificationWindow {
		return false
	}
	f.blocked.Store(true)
	// Another goroutine may have taken some meanwhile and have seen no block.
	if f.posted-f.taken.Load() < world.NotificationWindow {
		f.blocked.Store(false)
		return false
	}
	return true
}

func (f *feed) connect() {
	e := f.entity
	f.request = h1.Request{Target: f.target, Cookie: e.cookies.send(e.shard.engine.config.Target, f.target)}
	f.exchange.start(e.shard.engine.config.Limits.Notification)
}

func (f *feed) begin(h *h1.Head) bool {
	if h.EventStream {
		f.entity.shard.counts.Streams++
		f.lane.Owe(burn.Call)
		f.polls = 0
	}
	return h.EventStream
}

func (f *feed) piece(p []byte) bool {
	if f.blocked.Load() {
		f.held = append(f.held, p...)
		return false
	}
	return f.lines(p)
}

// post sends a notification to the World. That of a poll has been paid for.
func (f *feed) post(body any) {
	f.posted++
	if f.streaming {
		f.lane.Owe(burn.Event)
	}
	f.entity.shard.counts.Messages++
	f.entity.shard.emit(f.lane, delivery{event: world.Event{To: f.entity.to, Kind: f.event, Body: body}})
}

func (f *feed) dropped(format string, args ...any) {
	c := &f.entity.shard.counts
	c.Dropped++
	if c.DroppedExample == "" {
		c.DroppedExample = fmt.Sprintf("%v: "+format, append([]any{f.entity.to}, args...)...)
	}
}

// end goes on after the end of the stream, or the answer to a poll.
func (f *feed) end(h *h1.Head, body []byte, err error) {
	shard := f.entity.shard
	crowded := errors.Is(err, unix.EMFILE)
	if !crowded { // or it was never sent
		shard.counts.Requests++
	}
	switch {
	case crowded:
		f.next(crowdedPause)
	case f.streaming && f.blocked.Load():
		f.ended = true
	case f.streaming:
		f.streamEnded()
	case err != nil:
		f.retry()
	case f.lane != nil:
		shard.counts.Polls++
		f.pay(h.Status, bytes.Clone(body))
	default:
		shard.counts.Polls++
		f.polled(h.Status, body)
	}
}

// pay goes on with a poll when it was burned, unless the feed was closed meanwhile.
func (f *feed) pay(status int, body []byte) {
	opened, loop := f.opened, f.entity.shard.loop
	f.lane.Owe(burn.Call)
	f.entity.shard.engine.config.Burner.Pass(f.lane, nil, func() {
		loop.Post(evloop.Func(func() {
			if f.opened == opened {
				f.polled(status, body)
			}
		}))
	})
}

// crowdedPause comes before the next attempt of a feed for which there is no descriptor.
// Thousands may have to wait.
const crowdedPause = 300 * time.Millisecond

// next waits before the next poll, and for room for its message.
func (f *feed) next(wait time.Duration) {
	if !f.full() {
		f.entity.shard.loop.Start(&f.pause, wait)
	}
}

// retry waits before the next connection.
func (f *feed) retry() { f.next(f.entity.shard.engine.config.Limits.Reconnect) }
