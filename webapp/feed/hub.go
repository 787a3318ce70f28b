package feed

import (
	"context"
	"errors"
	"time"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
)

const (
	// batchPause is the time in which events gather before the readers are woken. With it a
	// busy feed wakes each reader some 330 times a second instead of 20,000, and an event
	// waits half of it on average.
	batchPause = 3 * time.Millisecond
	// beatEvery is the time between two heartbeats.
	beatEvery = time.Second
	// holdEvents and holdRows bound what is handed out while the hub holds its lock: it takes
	// less than 1 ms, with one reader or a thousand.
	holdEvents = 256
	holdRows   = 4096
	// retryPause is the time between two looks whether another generation serves.
	retryPause = 5 * time.Millisecond
	// maxRetryPause bounds the time between two attempts to read a log that cannot be read.
	maxRetryPause = 5 * time.Second
)

// hub reads the log once for all subscriptions that are up to date.
//
// A subscription joins when it has everything up to the hub's event, or more; what comes
// after goes into its connection's queue. Subscriptions are found by the accounts and keys
// they are about, so an event costs what it concerns, not how many there are.
type hub struct {
	feed *Feed
	born time.Time // intervals are counted from here

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	source Source
	seq    uint64 // the last event that was handed out
	at     isuride.Time
	broad  [tableCount][]*audience
	keyed  map[lookupKey][]*audience
	used   [tableCount][byCount]int // audiences in keyed
	shared map[audienceKey]*audience
	subs   map[*sub]struct{}
	dirty  map[*Conn]struct{}     // have got something in this batch
	held   map[*audience]struct{} // have rows that gather
	pause  time.Duration          // in which events gather for all, see gatherTime; 0: not known yet
	sums   []*sum                 // wait for their event
	picked []*audience            // of the event at hand
}

// lookupKey is a value of a column that a subscription goes by.
type lookupKey struct {
	table tableID
	by    by
	value string
}

func newHub(f *Feed) *hub {
	return &hub{feed: f, born: time.Now(), keyed: map[lookupKey][]*audience{}, shared: map[audienceKey]*audience{}, subs: map[*sub]struct{}{},
		dirty: map[*Conn]struct{}{}, held: map[*audience]struct{}{}}
}

// run follows the log of the generation that serves, then of the next one, until ctx ends.
func (h *hub) run(ctx context.Context) {
	defer h.rest()
	var over Source
	pause := retryPause
	for {
		source, ok := h.feed.await(ctx, over)
		if !ok {
			return
		}
		err := h.follow(ctx, source)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, journal.ErrClosed) || errors.Is(err, errMoved) {
			over, pause = source, retryPause
			h.handOn()
			continue
		}
		over = Source{}
		h.feed.opt.Log.Warn("the feed begins again, with a partial for every reader", "err", err)
		h.restart()
		if waitFor(ctx, nil, pause) != errElapsed {
			return
		}
		pause = min(2*pause, maxRetryPause) // whatever it was, it may be so again
	}
}

// rest lets nobody join until the hub runs again.
func (h *hub) rest() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.source = Source{}
}

// follow hands out the events of one log.
func (h *hub) follow(ctx context.Context, source Source) error {
	at := source.Journal.Watermark()
	reader, err := source.Journal.Subscribe(at + 1)
	if err != nil {
		return err
	}
	defer reader.Close()
	h.mu.Lock()
	h.source, h.seq = source, at
	h.mu.Unlock()
	t := newTranslator(source)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		busy, err := h.batch(reader, t)
		if err != nil {
			return err
		}
		gathers := h.flush(time.Now())
		if err := h.sleep(ctx, reader, beat.C, busy || gathers, gathers); err != nil {
			return err
		}
		if now := h.feed.opt.Current(); !now.same(&source) {
			return errMoved
		}
	}
}

// sleep has events gather, if there were some just now, and then waits for one unless there are rows that
// are due next. Heartbeats are sent meanwhile.
func (h *hub) sleep(ctx context.Context, reader *journal.Subscriber, beat <-chan time.Time, busy, gathers bool) error {
	if busy {
		if err := waitFor(ctx, nil, h.gatherTime(time.Now())); err != errElapsed {
			return err
		}
	}
	select {
	case <-beat:
		h.beat()
	default:
	}
	if gathers {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	if err := reader.Wait(limited); err != nil && (ctx.Err() != nil || limited.Err() == nil) {
		return err
	}
	return nil
}

// batch hands out all events that there are, wakes who has got some, and reports whether there were any.
func (h *hub) batch(reader *journal.Subscriber, t *translator) (any bool, err error) {
	before := h.seq // written by this goroutine only
	for more := true; more; {
		if more, err = h.some(reader, t); err != nil {
			return false, err
		}
	}
	return h.seq != before, nil
}

// some hands out a few events.
func (h *hub) some(reader *journal.Subscriber, t *translator) (more bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.wakeLocked()
	t.roadOnly = !h.followedLocked(positions)
	rows := 0
	for n := 0; n < holdEvents && rows < holdRows; n++ {
		seq, payload, ok := reader.Next()
		if !ok {
			return false, nil
		}
		switch {
		case journal.IsMark(payload):
		case t.roadOnly && isuride.IsReport(payload) && !h.followedLocked(city): // fast path: accounts follow their own rows
			t.missed = true
		default:
			changes, at, err := t.event(payload)
			if err != nil {
				return false, err
			}
			if at != 0 {
				h.at = at
			}
			rows += h.eventLocked(seq, changes)
		}
		h.seq = seq
		if len(h.sums) > 0 {
			h.sumsLocked()
		}
	}
	return true, nil
}

// followedLocked reports whether anybody follows a table.
func (h *hub) followedLocked(t tableID) bool {
	return len(h.broad[t]) > 0 || h.used[t] != [byCount]int{}
}

// eventLocked gives each subscription its rows of an event, all at once, and returns how many
// there were.
func (h *hub) eventLocked(seq uint64, changes []change) (rows int) {
	h.picked = h.picked[:0]
	for i := range changes {
		c := &changes[i]
		for _, a := range h.broad[c.table] {
			h.pickLocked(a, c)
		}
		for b := range byCount {
			if h.used[c.table][b] == 0 {
				continue
			}
			for _, a := range h.keyed[lookupKey{c.table, b, c.value(b)}] {
				h.pickLocked(a, c)
			}
		}
	}
	for _, a := range h.picked {
		rows += len(a.picked)
		h.handLocked(a, seq)
		a.picked = a.picked[:0]
	}
	return rows
}

func (h *hub) pickLocked(a *audience, c *change) {
	if !a.holds(c) {
		return
	}
	if len(a.picked) == 0 {
		h.picked = append(h.picked, a)
	}
	a.picked = append(a.picked, c)
}

func (h *hub) handLocked(a *audience, seq uint64) {
	switch {
	case len(a.subs) == 0: // its reader was too slow for another subscription, a moment ago
		return
	case a.interval > 0:
		h.holdLocked(a, seq)
		return
	}
	s := a.subs[0]
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending || seq <= s.after {
		return
	}
	for _, change := range a.picked {
		c.pushLocked(s.entry(change, h.source.Epoch, seq, h.at))
	}
	if c.queue.full() {
		c.strikeLocked(h)
	}
	h.dirty[c] = struct{}{}
}

// entry is a change as the viewer may see it.
func (s *scope) entry(c *change, epoch, seq uint64, at isuride.Time) entry {
	return entry{table: c.table, action: s.action(c), merges: c.merges, epoch: epoch, seq: seq, at: at, key: c.key, text: c.textFor(s.viewer.Class)}
}

func (s *sub) entry(c *change, epoch, seq uint64, at isuride.Time) entry {
	e := s.scope.entry(c, epoch, seq, at)
	e.sub, e.merges = s, e.merges && !s.every
	return e
}

func (h *hub) wakeLocked() {
	for c := range h.dirty {
		c.mu.Lock()
		c.wakeLocked()
		c.mu.Unlock()
	}
	clear(h.dirty)
}

// beat tells every subscription how far it is complete.
func (h *hub) beat() {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.wakeLocked()
	h.flushAllLocked()
	now := h.feed.opt.Now()
	for s := range h.subs {
		s.conn.mu.Lock()
		if !s.conn.ending && h.seq >= s.after {
			s.conn.beatLocked(s, h.source.Epoch, h.seq, now)
			if s.conn.queue.full() {
				s.conn.strikeLocked(h)
			}
			h.dirty[s.conn] = struct{}{}
		}
		s.conn.mu.Unlock()
	}
}

// join takes in a subscription that has everything up to an event of the source, and tells
// its reader so. It reports false if the hub is ahead of that, or reads another log.
func (h *hub) join(s *sub, source Source, at uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.source.same(&source) || h.seq > at || s.ctx.Err() != nil {
		return false
	}
	if !s.conn.add(s, entry{sub: s, kind: ofBeat, action: Heartbeat, epoch: source.Epoch, seq: at, at: h.feed.opt.Now()}) {
		return false
	}
	s.after = at
	h.subs[s] = struct{}{}
	h.pause = 0
	h.admitLocked(s)
	return true
}

// leave takes a subscription out, if it is in.
func (h *hub) leave(s *sub) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaveLocked(s)
}

func (h *hub) leaveLocked(s *sub) {
	if !s.live() {
		return
	}
	delete(h.subs, s)
	h.pause = 0
	h.dismissLocked(s)
}

// handOn lets every subscription find what serves now, and go on there after the hub's event
// if it has it.
func (h *hub) handOn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.wakeLocked()
	source := h.source
	h.source, h.sums = Source{}, nil
	h.flushAllLocked()
	for s := range h.subs {
		at := Position{source.Epoch, max(h.seq, s.after)}
		h.leaveLocked(s)
		h.feed.fillers.Go(func() { s.run(start{resume: &at, moved: true, over: source}) })
	}
}

// restart lets every subscription begin again. What waits for its reader is given up.
func (h *hub) restart() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.source, h.sums = Source{}, nil
	conns := map[*Conn]bool{}
	for s := range h.subs {
		conns[s.conn] = true
	}
	for c := range conns {
		c.mu.Lock()
		c.queue.drop(func(s *sub) bool { return s != nil && s.live() })
		c.mu.Unlock()
	}
	for s := range h.subs {
		h.leaveLocked(s)
		h.feed.fillers.Go(func() { s.run(start{reason: Interrupted}) })
	}
}
