package flush

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/pulse"
	"isuride/webapp/isuride"
	"isuride/webapp/recount"
)

// Source reads the log's events in order. It belongs to the Writer's loop.
type Source interface {
	// Next is the next event, false if there is none yet. The payload is valid until the
	// following call.
	Next() (seq uint64, payload []byte, ok bool)
	// Wait sleeps until Next has an event. An error that is not ctx's ends the loop.
	Wait(ctx context.Context) error
}

// Log is the log as a whole.
type Log interface {
	Appended() uint64    // number of the last event
	Backlog() int64      // bytes of the events that are not released
	Release(upTo uint64) // no event up to this one is needed any more
}

// Target takes cuts: all of the rows and the position, or nothing. Writing a cut that it
// has already is no error. The rows are lent for the call.
type Target interface {
	WriteCut(ctx context.Context, generation, position uint64, rows *isuride.Tables) error
}

// Options say what is written where, and how eagerly.
type Options struct {
	Source     Source
	Log        Log
	Target     Target
	Generation uint64
	// Position is the last event that the target has: the source begins after it.
	Position uint64
	// OpenCharges are the charges that recovery found to be under way.
	OpenCharges isuride.OpenCharges
	// Skip reports whether a record of the log is no event; nil: all are.
	Skip func(payload []byte) bool
	// Now is the clock.
	Now func() isuride.Time
	// Totals are the books of the target at Position; nil if they are not known, which they are
	// then from the first Checkpoint on.
	Totals *isuride.Totals
	// Worth returns what the coupon of a ride was worth that was requested up to Position, 0 if it
	// had none; ok is false if there is no such ride. It may be nil.
	Worth func(ride *isuride.Ride) (worth int, ok bool)
	// Chain is the target's head of the chain of hashes over the log; nil if there is to be none.
	Chain *isuride.Link
	// Oldest returns the first record that the log has. It goes with Chain.
	Oldest func() uint64
	// Differs is told, from Run's goroutine, of books that the events do not lead to. It may be nil.
	Differs func(*recount.Difference)

	// Transient reports whether the same cut may succeed later.
	Transient func(error) bool
	// Logger gets the beginning and the end of outages; nil means slog.Default().
	Logger *slog.Logger

	Pace
	// Ceiling is the backlog in bytes at which writers are held back; 0 means 256 MiB:
	// some 3 million events, which a restart replays in seconds.
	Ceiling int64
}

const defaultCeiling = 256 << 20

// Writer brings the tables after the log. Run does the work; everything else may be
// called from any goroutine.
//
// The goal is that the tables are always the log up to one event, whatever fails:
//
//  1. Events enter a cut in the order of the log, without a gap.
//  2. A cut that was tried is repeated unchanged until the target takes it. It may have
//     taken it when it reported an error; the position tells it so, and an unchanged cut
//     is then done, while a longer one would be rejected or half written.
//  3. Only events of cuts that were taken are released.
//
// Rejected: one transaction per table or per entity, in parallel. It is faster, but the
// tables would be at no position that recovery could start from.
type Writer struct {
	// set once
	opt     Options
	done    chan struct{} // closed by Run at its end
	hurry   chan struct{} // closed by Drain
	turn    chan struct{} // holds a token while a cut is written, or kept back by Pause
	drained sync.Once     // closes hurry

	// owned by Run
	decoder isuride.Decoder
	cut     cut
	charges isuride.OpenCharges // have no rows, so the log keeps them
	chain   *recount.Chain      // nil if there is none
	ended   []isuride.Link      // stretches that the next cut ends, and its beginning
	ledger  ledger              // of the log up to the event read last
	pacer   pacer
	reached uint64 // the position that the target was given last
	err     error  // why Run ended; others read it once done is closed

	// atomic
	position atomic.Uint64 // that the tables have reached
	since    atomic.Int64  // time of the oldest event of the cut at work, an isuride.Time; 0 if none

	written  pulse.Pulse // beats after each cut
	counters counters
}

// New makes a writer that Run starts.
func New(o Options) *Writer {
	o.Pace.complete()
	o.Ceiling = cmp.Or(o.Ceiling, defaultCeiling)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	w := &Writer{
		opt:     o,
		done:    make(chan struct{}),
		hurry:   make(chan struct{}),
		turn:    make(chan struct{}, 1),
		cut:     newCut(o.Position),
		reached: o.Position,
		charges: make(isuride.OpenCharges),
		pacer:   newPacer(o.Pace),
		ledger:  ledger{base: o.Totals, last: o.Position, differs: o.Differs},
	}
	w.ledger.tally.Worth = o.Worth
	if o.Chain != nil {
		w.chain, w.ended = recount.NewChain(*o.Chain), []isuride.Link{*o.Chain}
	}
	maps.Copy(w.charges, o.OpenCharges)
	w.position.Store(o.Position)
	return w
}

// Run writes until ctx ends, and then returns ctx's error without writing what is left;
// until Drain, and then returns nil; or until something fails for good: the target
// rejects a cut, the log is closed or holds what is no event. It is called once.
func (w *Writer) Run(ctx context.Context) error {
	defer close(w.done)
	idle, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-w.hurry:
			stop()
		case <-idle.Done():
		}
	}()
	w.err = w.loop(ctx, idle)
	return w.err
}

// Drain has Run write everything at once, and waits until it has. It is called when
// nothing is appended to the log any more.
func (w *Writer) Drain(ctx context.Context) error {
	w.drained.Do(func() { close(w.hurry) })
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return fmt.Errorf("%d events are not in the database yet: %w", w.Lag().Events, ctx.Err())
	}
}

// loop writes one cut a round. idle ends with ctx, or when there is no time to wait.
func (w *Writer) loop(ctx, idle context.Context) error {
	for ctx.Err() == nil {
		if err := w.begin(idle); err != nil {
			return err
		}
		if w.cut.events == 0 && w.cut.last > w.reached { // the end of the log has no rows
			return w.write(ctx, false)
		}
		if w.cut.events == 0 { // there is no time to wait, and nothing to wait for
			break
		}
		pause(idle, w.pacer.rest(w.Lag().Events))
		full, err := w.fill()
		if err != nil {
			return err
		}
		if err := w.write(ctx, full); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// begin waits for the first event of a cut. The cut stays empty if idle ends first.
func (w *Writer) begin(idle context.Context) error {
	for w.cut.events == 0 {
		if err := w.opt.Source.Wait(idle); err != nil && idle.Err() == nil {
			return fmt.Errorf("wait for events: %w", err)
		}
		ok, err := w.read()
		if err != nil {
			return err
		}
		if !ok && idle.Err() != nil {
			return nil
		}
	}
	return nil
}

// fill reads what there is, until the cut is full.
func (w *Writer) fill() (full bool, err error) {
	for !w.pacer.size.Full(w.cut.rows(), 0) {
		ok, err := w.read()
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// read puts the next event into the cut, if there is one.
func (w *Writer) read() (ok bool, err error) {
	seq, payload, ok := w.opt.Source.Next()
	if !ok {
		return false, nil
	}
	if seq != w.cut.last+1 {
		return false, fmt.Errorf("the log goes from event %d to %d: the events between are missing", w.cut.last, seq)
	}
	if w.chain != nil {
		w.chain.Add(seq, payload)
	}
	if w.opt.Skip != nil && w.opt.Skip(payload) {
		w.pass(seq)
		return true, nil
	}
	e, err := w.decoder.Decode(payload)
	if err != nil {
		return false, fmt.Errorf("event %d: %w", seq, err)
	}
	if w.cut.events == 0 {
		w.since.Store(int64(w.happened(e)))
	}
	w.charges.Note(seq, e)
	w.ledger.note(seq, e)
	w.cut.add(seq, e)
	return true, nil
}

// pass leaves a record behind that has no rows. Alone it is worth no cut before the end: the
// tables are at its position as they are.
func (w *Writer) pass(seq uint64) {
	w.cut.last = seq
	if w.cut.events == 0 {
		w.position.Store(seq)
		w.opt.Log.Release(w.charges.Releasable(seq))
	}
}

// write puts the cut into the tables, and begins the next one.
func (w *Writer) write(ctx context.Context, full bool) error {
	w.cut.totals, w.cut.chain = w.ledger.at(w.cut.last), w.link()
	took, err := w.insist(ctx)
	if err != nil {
		return err
	}
	w.pacer.wrote(w.cut.rows(), took, full)
	w.counters.count(&w.cut, took)
	w.reached = w.cut.last
	w.position.Store(w.cut.last)
	w.opt.Log.Release(w.charges.Releasable(w.cut.last))
	w.cut.reset()
	w.since.Store(0)
	w.written.Beat()
	return nil
}

// pause waits; at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
