package feed

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"

	"isuride/webapp/isuride"
	"isuride/webapp/journal"
)

// start says where a subscription begins: after a position, at a moment, or with a partial
// of now.
type start struct {
	resume *Position
	since  *isuride.Moment
	speed  float64 // of what follows the moment; 0: without pauses
	reason Reason  // why there is a partial

	// Of a subscription that has lost its source: what that was.
	moved bool
	over  Source
}

// maxSpeed bounds a replay's speed: beyond it there is no pause anyway.
const maxSpeed = 1e6

func newStart(r *Request, now isuride.Time) (b start, refused *Error) {
	if r.Resume != "" {
		p, err := ParsePosition(r.Resume)
		if err != nil {
			return b, refuse(BadPosition, "%.60q is no position to resume at; send the epoch and the seq of the last frame, as 3:812345", r.Resume)
		}
		b.resume = &p
	}
	switch {
	case r.Since == "" && r.Speed != "":
		return b, refuse(BadSpeed, "a speed is for a replay; say since when, too")
	case r.Since == "":
		return b, nil
	case r.Resume != "":
		b.since = nil // a replay that broke off goes on where it was, as fast as can be
		return b, nil
	}
	m, err := isuride.ParseMoment(r.Since)
	if err != nil {
		return b, refuse(BadPosition, "since: %v", err)
	}
	if m.Time > now {
		return b, refuse(Future, "since: %v is in the future", m)
	}
	b.since = &m
	return b, b.parseSpeed(r.Speed)
}

func (b *start) parseSpeed(text string) *Error {
	if text == "" {
		return nil
	}
	speed, err := strconv.ParseFloat(text, 64)
	if err != nil || !(speed > 0 && speed <= maxSpeed) {
		return refuse(BadSpeed, "%.30q is no speed of a replay; write a number above 0, as 1 for as it took place or 10 for ten times as fast", text)
	}
	b.speed = speed
	return nil
}

// await returns what serves, once it is something else than that which is over. If nothing
// does, another server leads, and all readers are sent there.
func (f *Feed) await(ctx context.Context, over Source) (Source, bool) {
	for {
		source := f.opt.Current()
		switch {
		case source.Journal == nil:
			f.sendAway(f.elsewhere())
		case !source.same(&over):
			source.term = source.Journal.Leads()
			return source, ctx.Err() == nil
		}
		if waitFor(ctx, nil, retryPause) != errElapsed {
			return Source{}, false
		}
	}
}

// errMoved says that another state or log has taken the place of the one that was read.
var errMoved = errors.New("feed: something else serves now")

// maxFailed is how often a subscription is tried again after an error that nobody expects.
const maxFailed = 3

// run brings a subscription to where the hub is, and hands it over. It begins again when a
// generation ends meanwhile, or the log goes faster than the reader.
func (s *sub) run(b start) {
	f := s.conn.feed
	failed := 0
	for {
		source, ok := f.await(s.ctx, b.over)
		if !ok {
			return
		}
		err := s.bring(source, b)
		if err == nil || s.ctx.Err() != nil {
			return
		}
		var refused *Error
		switch {
		case errors.Is(err, journal.ErrClosed), errors.Is(err, errMoved):
			b = s.moved(source)
		case errors.Is(err, journal.ErrGone):
			b = start{reason: Interrupted}
		case errors.Is(err, errElapsed):
			s.conn.finish(s.conn.tooSlow())
			return
		case errors.As(err, &refused):
			s.conn.fail(s, refused)
			return
		case failed < maxFailed && b.since == nil: // a little later what cannot be read may be behind
			failed++
			f.opt.Log.Warn("a subscription of the feed fails, and is tried again", "err", err)
			b = start{reason: Interrupted}
			if waitFor(s.ctx, nil, cityLasts) != errElapsed {
				return
			}
		default:
			f.opt.Log.Error("a subscription of the feed fails", "err", err)
			s.conn.fail(s, refuse(Internal, "the server cannot make this feed now; its log says why"))
			return
		}
	}
}

// moved begins after what the subscription has, if it reads on its own, in what serves next.
func (s *sub) moved(source Source) start {
	b := start{moved: true, over: source}
	if s.at != 0 {
		b.resume = &Position{source.Epoch, s.at}
	}
	return b
}

// maxResume bounds the events that a subscription is brought forward by: 50 ms of work. A
// partial of one account costs less, and one of the city, which is shared, nearly nothing.
var maxResume = [classes]uint64{Public: 20_000, User: 100_000, Owner: 100_000, Chair: 100_000, Operator: math.MaxUint64}

// bring does what run says in one generation.
func (s *sub) bring(source Source, b start) error {
	if b.since != nil {
		return s.replay(source, b)
	}
	if b.resume != nil {
		reader, err := s.resume(source, &b)
		if err != nil {
			return err
		}
		if reader != nil {
			defer reader.Close()
			return s.follow(source, newTranslator(source), reader, b.resume.Seq, nil)
		}
	}
	if b.moved && b.reason == "" {
		b.reason = b.lost(source)
	}
	p := s.newPartial(source, b.reason)
	at, reader, err := s.whole(source, p)
	if err != nil {
		return err
	}
	defer reader.Close()
	return s.follow(source, p.t, reader, at, nil)
}

// whole queues a partial of now. Only a few of a connection are made at a time, so that what
// waits for its reader stays bounded.
func (s *sub) whole(source Source, p *partial) (at uint64, reader *journal.Subscriber, err error) {
	leave, err := s.conn.turn(s.ctx)
	if err != nil {
		return 0, nil, err
	}
	defer leave()
	at, reader, err = s.conn.feed.take(s.ctx, source, s.scope, p)
	if err != nil {
		return 0, nil, err
	}
	if err := p.close(at); err != nil {
		reader.Close()
		return 0, nil, err
	}
	return at, reader, nil
}

// lost says why a subscription that had another source begins again.
func (b *start) lost(source Source) Reason {
	if source.Epoch != b.over.Epoch {
		return NewEpoch
	}
	return Interrupted
}

// resume returns a reader of what follows the reader's position. If there is none, a partial
// has to do, and b says why.
func (s *sub) resume(source Source, b *start) (*journal.Subscriber, error) {
	p, end := *b.resume, source.Journal.Watermark()
	tell := func(code Code, format string, args ...any) bool {
		err := refuse(code, format, args...)
		err.Sub = s.name
		return s.conn.add(s, entry{sub: s, kind: ofError, action: Failed, err: err})
	}
	switch {
	case p.Epoch != source.Epoch && b.moved: // nobody has asked for it
		return nil, nil
	case p.Epoch != source.Epoch:
		b.reason = OtherEpoch
		tell(OldEpoch, "position %v is of epoch %d, and the data are of epoch %d now; a partial follows", p, p.Epoch, source.Epoch)
		return nil, nil
	case p.Seq > end:
		b.reason = Ahead
		tell(Future, "position %v is ahead of the server, which is at %d; a partial follows", p, end)
		return nil, nil
	case end-p.Seq > maxResume[s.viewer.Class]:
		b.reason = TooOld
		return nil, nil
	}
	reader, err := source.Journal.Subscribe(p.Seq + 1)
	if errors.Is(err, journal.ErrGone) {
		b.reason = TooOld
		return nil, nil
	}
	return reader, err
}

// follow hands the subscription the events after one, until the hub can. With a pace they
// take the time they took.
func (s *sub) follow(source Source, t *translator, reader *journal.Subscriber, at uint64, p *pace) error {
	t.noCity = !s.has(city)
	err := s.read(source, t, reader, at, p)
	return errors.Join(err, s.queueMade()) // what was read, whatever comes instead of the next event
}

func (s *sub) read(source Source, t *translator, reader *journal.Subscriber, at uint64, p *pace) error {
	for {
		seq, payload, ok := reader.Next()
		if !ok {
			done, err := s.caughtUp(source, reader, at)
			if done || err != nil {
				return err
			}
			continue
		}
		if at = seq; s.every {
			s.at = at
		}
		if journal.IsMark(payload) {
			continue
		}
		changes, when, err := t.event(payload)
		if err != nil {
			return err
		}
		if err := p.wait(s, source, at, when); err != nil {
			return err
		}
		if err := s.handOut(source.Epoch, seq, when, changes); err != nil {
			return err
		}
	}
}

// caughtUp queues what is left, then waits for more, or lets the hub go on.
func (s *sub) caughtUp(source Source, reader *journal.Subscriber, at uint64) (done bool, err error) {
	if err := s.queueMade(); err != nil {
		return false, err
	}
	if s.every {
		return false, s.rest(source, reader, at)
	}
	return s.handOver(source, reader, at)
}

// madeAtOnce is the number of rows with which a filler takes the connection's lock, and wakes
// its reader: one by one they would spend more on each other than on their rows.
const madeAtOnce = 64

// handOut makes entries of an event's rows that are the subscription's. They are queued with
// others, or by queueMade.
func (s *sub) handOut(epoch, seq uint64, when isuride.Time, changes []change) error {
	for i := range changes {
		if s.holds(&changes[i]) {
			s.made = append(s.made, s.entry(&changes[i], epoch, seq, when))
		}
	}
	if len(s.made) < madeAtOnce {
		return nil
	}
	return s.queueMade()
}

// queueMade queues what handOut has made, and waits for room for more.
func (s *sub) queueMade() error {
	if len(s.made) == 0 {
		return s.ctx.Err()
	}
	queued := s.conn.add(s, s.made...)
	clear(s.made)
	s.made = s.made[:0]
	if !queued {
		return context.Canceled
	}
	return s.conn.room(s.ctx)
}

// handOver lets the hub go on, if it is not ahead of the reader.
func (s *sub) handOver(source Source, reader *journal.Subscriber, at uint64) (done bool, err error) {
	if s.conn.feed.hub.join(s, source, at) {
		return true, nil
	}
	limited, cancel := context.WithTimeout(s.ctx, retryPause) // the hub may not have begun yet
	defer cancel()
	if err := reader.Wait(limited); err != nil && (s.ctx.Err() != nil || limited.Err() == nil) {
		return false, err
	}
	return false, nil
}

// rest waits for the next events and those that come with them, in place of the hub.
func (s *sub) rest(source Source, reader *journal.Subscriber, at uint64) error {
	f := s.conn.feed
	if now := f.opt.Current(); !now.same(&source) {
		return errMoved
	}
	if err := waitFor(s.ctx, nil, batchPause); err != errElapsed {
		return err
	}
	limited, cancel := context.WithTimeout(s.ctx, beatEvery)
	defer cancel()
	err := reader.Wait(limited)
	switch {
	case err == nil:
		return nil
	case s.ctx.Err() != nil || limited.Err() == nil:
		return err
	case !s.conn.add(s, entry{sub: s, kind: ofBeat, action: Heartbeat, epoch: source.Epoch, seq: at, at: f.opt.Now()}):
		return context.Canceled
	}
	return nil
}

// partial is a taker that queues a partial for a subscription: rows of each table in pieces,
// the first of which replaces the reader's table. What images show is held until the
// watermark has passed it, and the last piece until the group's final number is known.
type partial struct {
	s      *sub
	t      *translator
	source Source
	seq    uint64 // of the frames but the last
	reason Reason
	pieces [tableCount][]byte
	begun  [tableCount]bool
	held   []entry
	bytes  int    // of held
	needs  uint64 // what the watermark has to pass
}

func (s *sub) newPartial(source Source, reason Reason) *partial {
	s.conn.feed.counts.partials.Add(1)
	return &partial{s: s, t: newTranslator(source), source: source, reason: reason}
}

func (p *partial) translator() *translator { return p.t }

func (p *partial) begin(seq uint64) { p.seq = seq }

const (
	// maxPiece is the size from which on a piece is whole, in bytes.
	maxPiece = 32 << 10
	// maxHeld is what may be held before the watermark is waited for: with a wait for each
	// piece a large partial would take as many syncs.
	maxHeld = 128 << 10
)

func (p *partial) row(c *change, at uint64) error {
	p.needs = max(p.needs, at)
	piece := p.pieces[c.table]
	if len(piece) > 0 {
		piece = append(piece, ',')
	}
	p.pieces[c.table] = c.appendTo(piece, p.s.viewer.Class)
	if len(p.pieces[c.table]) < maxPiece {
		return nil
	}
	return p.flush(c.table)
}

func (p *partial) flush(t tableID) error {
	e := entry{table: t, action: Insert, text: slices.Clone(p.pieces[t])}
	if !p.begun[t] {
		e.action, e.reason, p.begun[t] = Partial, p.reason, true
	}
	p.pieces[t] = p.pieces[t][:0]
	return p.hold(e)
}

func (p *partial) hold(e entry) error {
	e.sub, e.epoch, e.seq, e.more = p.s, p.source.Epoch, p.seq, true
	p.held, p.bytes = append(p.held, e), p.bytes+e.cost()
	if p.bytes < maxHeld {
		return nil
	}
	return p.pass(len(p.held) - 1)
}

// pass queues the first n of those held.
func (p *partial) pass(n int) error {
	c := p.s.conn
	if err := c.feed.reach(p.s.ctx, p.source, p.needs); err != nil {
		return err
	}
	if err := c.room(p.s.ctx); err != nil {
		return err
	}
	if !c.add(p.s, p.held[:n]...) {
		return context.Canceled
	}
	kept := copy(p.held, p.held[n:])
	clear(p.held[kept:])
	p.held, p.bytes = p.held[:kept], 0
	for i := range p.held {
		p.bytes += p.held[i].cost()
	}
	return nil
}

// rest holds what is left of the images.
func (p *partial) rest() error {
	for _, t := range p.s.order {
		if len(p.pieces[t]) > 0 || !p.begun[t] {
			if err := p.flush(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *partial) delta(c *change, at isuride.Time) error {
	e := p.s.entry(c, p.source.Epoch, p.seq, at)
	e.merges = false
	return p.hold(e)
}

// close ends the group: the copy is the table as of this event.
func (p *partial) close(seq uint64) error {
	last := &p.held[len(p.held)-1]
	last.seq, last.more = seq, false
	return p.pass(len(p.held))
}

// errEnough ends a walk whose rest is not needed.
var errEnough = errors.New("feed: the rest of the walk is not needed")
