package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/disk"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/recount"
	"isuride/webapp/snapshot"
	"isuride/webapp/state"
)

// standby brings a state after the committed log, by the code that recovery uses: the newest
// snapshot, then one event after the other for as long as another server leads. It may be
// ended at any moment, since it writes nothing but snapshots.
//
// What is no event it does not know. A chair whose rider has paid rests on the leader until
// the rider knows; here it rests until the end of the recovery, which frees all such chairs,
// as after a restart: nobody waits for an answer of the leader before any more. Clients that
// were told nothing ask again, or read the status on their streams.
type standby struct {
	m *member

	// Owned by the goroutine that applies.
	recovery *state.Recovery
	sub      *journal.Subscriber
	restored snapshot.Header // what the state began with; zero without a snapshot
	decoder  isuride.Decoder
	sums     [sumsKept]sum // of the newest events, by number modulo sumsKept
	recent   completions

	// reading is held while events are applied, which takes no entity's lock, and for
	// reading by those who look at the state.
	reading sync.RWMutex
	gen     atomic.Pointer[Generation] // stored under reading
	over    bool                       // gen leads, and others change its state; guarded by reading
}

// sum is the hash of the state at an event.
type sum struct {
	seq  uint64
	hash state.Hash
}

// sumsKept is the number of events whose sums are at hand when the leader's comes: that one
// says a few events later what it was.
const sumsKept = 1024

// burst is the number of events that are applied before readers get their turn: a millisecond.
const burst = 1024

// newStandby makes the state of the newest usable snapshot, or of the first base.
func (m *member) newStandby() (*standby, error) {
	s := &standby{m: m}
	paths, err := snapshot.List(m.dir)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		err := s.restore(path)
		if err == nil {
			return s, s.subscribe()
		}
		m.cfg.Log.Warn("a snapshot is not used; an older way is taken", "snapshot", path, "err", err)
	}
	first := m.bases.first()
	if first.Data == "" || m.journal.Oldest() > first.Position+1 {
		return nil, fmt.Errorf("the log begins at event %d and there is no usable snapshot: remove %s, and the other members send what is missing", m.journal.Oldest(), m.dir)
	}
	if err := s.rebase(first); err != nil {
		return nil, err
	}
	return s, s.subscribe()
}

// restore makes the state from a snapshot.
func (s *standby) restore(path string) error {
	r, err := snapshot.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	h := r.Header()
	b, known := s.m.bases.of(h.Generation)
	switch {
	case h.History != s.m.history:
		return unfit("it is of history %s, the group of history %s", h.History, s.m.history)
	case !known:
		return unfit("it is of generation %d, of which nothing is known", h.Generation)
	case s.m.journal.Oldest() > h.Span.From+1:
		return unfit("it needs the events after %d, the log begins at event %d", h.Span.From, s.m.journal.Oldest())
	}
	g := s.m.newGeneration(b)
	g.recovered = Recovered{Snapshot: path, Bytes: r.Bytes(), info: snapshot.Info{Header: h, Path: path, Bytes: r.Bytes()}}
	restoration := state.NewRestoration(s.m.options(g), b.Models, h.Size)
	if err := r.Each(restoration.Add); err != nil {
		return err
	}
	recovery, err := restoration.Recovery(h.Span, h.Hash)
	if err != nil {
		return unfit("%v", err)
	}
	s.restored = h
	s.take(g, recovery)
	return nil
}

// rebase begins a generation with its data set.
func (s *standby) rebase(b base) error {
	g := s.m.newGeneration(b)
	store, err := s.m.e.storeOf(b, s.m.options(g))
	if err != nil {
		return err
	}
	s.restored = snapshot.Header{End: snapshot.End{Span: state.Span{From: b.Position, To: b.Position}}}
	s.take(g, state.NewRecovery(store, b.Position))
	return nil
}

func (s *standby) take(g *Generation, r *state.Recovery) {
	if old := s.gen.Load(); old != nil {
		old.cancel()
		old.snapshots.close()
		g.inherit(old)
	}
	g.Store = r.Store()
	g.tenure.last.Store(s.restored.Span.From)
	g.snapshots = newSnapshots(g, s.m.dir)
	g.follower.Store(s)
	s.m.applied.Store(s.restored.Span.From)
	s.gen.Store(g)
	s.recovery = r
}

// subscribe begins to read where the state ends, or what is known to be committed, if that is
// not so far.
func (s *standby) subscribe() (err error) {
	from := min(s.restored.Span.From, s.m.journal.Watermark()) + 1
	s.sub, err = s.m.journal.Subscribe(max(from, s.m.journal.Oldest()))
	return err
}

// run applies what is committed until ctx ends, and then returns nil. An error says that the
// log has been replaced (*journal.GoneError), or that this replica must not go on.
func (s *standby) run(ctx context.Context) error {
	for {
		if err := s.sub.Wait(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if err := s.retry(ctx, s.drain(burst)); err != nil {
			return err
		}
	}
}

// retry waits for room on the disk where that is what an event has failed for, which the state has not taken then.
func (s *standby) retry(ctx context.Context, err error) error {
	if !disk.IsFull(err) {
		return err
	}
	s.m.cfg.Log.Warn("this replica waits for room on its disk to begin a generation", "err", err, "again", tablesPause)
	pauseFor(ctx, tablesPause)
	sub, err := s.m.journal.Subscribe(s.m.applied.Load() + 1)
	if err != nil {
		return err
	}
	s.sub.Close()
	s.sub = sub
	return nil
}

// drain applies at most so many of the events that are committed.
func (s *standby) drain(atMost int) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	for range atMost {
		seq, payload, ok := s.sub.Next()
		if !ok {
			break
		}
		if err := s.apply(seq, payload); err != nil {
			return err
		}
	}
	return nil
}

// apply brings one record into the state.
func (s *standby) apply(seq uint64, payload []byte) error {
	if err := s.compare(seq, payload); err != nil {
		return err
	}
	switch kind := isuride.KindOf(payload); {
	case journal.IsMark(payload):
		if err := s.recovery.Skip(seq); err != nil {
			return err
		}
	case kind == isuride.Initialized && seq > s.restored.Span.From:
		if err := s.initialize(seq, payload); err != nil {
			return err
		}
	default:
		if err := s.recovery.Replay(seq, payload); err != nil {
			return err
		}
		if err := s.note(kind, payload); err != nil {
			return err
		}
	}
	if last, hash, ok := s.recovery.Hash(); ok {
		s.sums[last%sumsKept] = sum{last, hash}
	}
	s.gen.Load().tenure.reach(seq)
	s.m.applied.Store(seq)
	return nil
}

// note looks at the events that say more than what becomes of the state.
func (s *standby) note(kind isuride.Kind, payload []byte) error {
	switch kind {
	case isuride.StateHashed:
		return s.check(payload)
	case isuride.RideCompleted:
		e, err := s.decoder.Decode(payload)
		if err != nil {
			return err
		}
		s.recent.note(e)
	}
	return nil
}

// compare makes sure that the log goes on as it did when the snapshot was written.
func (s *standby) compare(seq uint64, payload []byte) error {
	if h := &s.restored; seq == h.Span.To && h.Record != 0 && h.Record != snapshot.RecordOf(payload) {
		return unfit("event %d of the log is not the one that was there when the snapshot was written", seq)
	}
	return nil
}

// initialize begins the next generation. All that was before is gone.
func (s *standby) initialize(seq uint64, payload []byte) error {
	e, err := s.decoder.Decode(payload)
	if err != nil {
		return err
	}
	data, err := s.m.e.dataSet()
	if err != nil {
		return err
	}
	b := baseOf(seq, e.Begin, data)
	b.Data = e.Begin.Data // storeOf refuses another one
	if err := s.m.bases.keep(b); err != nil {
		return err
	}
	return s.rebase(b)
}

// check compares this state with what the leader's was. One that differs can be trusted no
// more, whichever of the two is wrong.
func (s *standby) check(payload []byte) error {
	e, err := s.decoder.Decode(payload)
	if err != nil {
		return err
	}
	h := e.Hash
	s.m.lag.Observe(max(s.m.cfg.Now().Sub(h.At), 0))
	s.m.releasable(h.Released)
	own, want := s.sums[h.Position%sumsKept], state.Hash{Hi: h.Hi, Lo: h.Lo}
	if h.Form != state.HashForm || own.seq != h.Position {
		return nil // of another release, or from before this standby began
	}
	if own.hash != want {
		s.m.different.Add(1)
		return fmt.Errorf("at event %d its state has the hash %v, the leader's has %v: one of the two machines or programs is at fault; keep its data folder, and begin with an empty one", h.Position, own.hash, want)
	}
	s.m.equal.Add(1)
	return nil
}

// finish brings the state to the end of the log, which is committed, and ends the recovery. It
// returns the generation that this server can lead with.
func (s *standby) finish() (*Generation, error) {
	for s.sub.Behind() > 0 {
		if err := s.sub.Wait(context.Background()); err != nil { // at once
			return nil, err
		}
		if err := s.drain(burst); err != nil {
			return nil, err
		}
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	g, end := s.gen.Load(), s.m.applied.Load()
	var err error
	g.open, g.openCharges, err = s.recovery.Finish(end)
	g.follower.Store(nil)
	s.over = true
	for _, c := range s.recent.list {
		g.unanswered.add(c.rideID, rating{evaluation: c.evaluation, completedAt: c.at})
	}
	s.sub.Close()
	return g, err
}

// close ends a standby that does not become the leader.
func (s *standby) close() {
	s.sub.Close()
	g := s.gen.Load()
	g.cancel()
	g.snapshots.end()
}

// count is Store.Count beside the applying goroutine, which is let in between two images, when no entity is half
// visited. An image is a copy.
func (s *standby) count(g *Generation, visit func(*state.Image) error) (state.Count, error) {
	s.reading.RLock()
	defer s.reading.RUnlock()
	switch {
	case !s.brings(g):
		return state.Count{}, errEnding
	case !s.exact():
		return state.Count{}, errNotYet
	}
	return g.Store.Count(func(i *state.Image) error {
		s.reading.RUnlock()
		err := visit(i)
		s.reading.RLock()
		if !s.brings(g) {
			err = cmp.Or(err, errEnding)
		}
		return err
	})
}

// brings reports, while reading is held, whether a generation is still what this standby brings after the log.
func (s *standby) brings(g *Generation) bool { return !s.over && s.gen.Load() == g }

// exact reports, while reading is held, whether the state is that after one event. Some entities of a snapshot are ahead of
// others until the events up to its end have been applied, and a count would have these twice.
func (s *standby) exact() bool {
	_, _, exact := s.recovery.Hash()
	return exact
}

// recountBooks is audit.run for a standby: it finds what has become of the books here, whose memory is not
// the leader's.
func (s *standby) recountBooks(ctx context.Context) {
	for ctx.Err() == nil {
		w := newWork(ctx, true)
		if g, found, err := s.recount(w); !errors.Is(err, errNextBase) && !errors.Is(err, errNotYet) && ctx.Err() == nil {
			g.audit.report(found, err)
		}
		pauseFor(ctx, recountPause)
	}
}

// recount is audit.recount beside the goroutine that applies, which is let in between two slices.
func (s *standby) recount(w *work) (*Generation, []*recount.Difference, error) {
	g := s.gen.Load()
	defer w.hurry(g.audit)()
	if w.calm && !g.audit.counting.TryLock() { // one is under way, for which nothing here is to wait
		return g, nil, errNotYet
	}
	if !w.calm {
		g.audit.counting.Lock() // first: a recount that rests has it, and waits for reading
	}
	defer g.audit.counting.Unlock()
	s.reading.RLock()
	defer s.reading.RUnlock()
	switch {
	case !s.brings(g):
		return g, nil, errNextBase
	case !s.exact():
		return g, nil, errNotYet
	}
	w.pause = func(rest time.Duration) error {
		s.reading.RUnlock()
		if rest > 0 {
			pauseFor(w.ctx, rest)
		}
		s.reading.RLock()
		if !s.brings(g) {
			return errNextBase
		}
		return nil
	}
	found, err := g.audit.recountLocked(w.ctx, w)
	return g, found, err
}

// view shows the state to a reader, as it is after some event.
func (s *standby) view(look func(*Generation) error) error {
	s.reading.RLock()
	defer s.reading.RUnlock()
	return look(s.gen.Load())
}

// lost reports whether the log does not go on where this standby is, since a snapshot has
// taken its place.
func lost(err error) bool {
	var gone *journal.GoneError
	return errors.As(err, &gone) || errors.Is(err, journal.ErrAhead)
}

// keep writes snapshots of the state until ctx ends.
func (s *standby) keep(ctx context.Context) {
	keepSnapshots(ctx, func() *snapshots { return s.gen.Load().snapshots })
}
