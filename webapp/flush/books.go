package flush

import (
	"cmp"
	"slices"

	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/isuride"
	"isuride/webapp/recount"
)

// ledger follows the books along the log, so that each cut has the totals of its position, and
// compares them with what others found at some positions.
type ledger struct {
	differs func(*recount.Difference) // set once; may be nil

	mu     lockwatch.Mutex
	tally  recount.Tally   // of the events after the target's first position
	base   *isuride.Totals // up to there, nil if it is not known
	last   uint64          // event that was noted last
	off    isuride.Totals  // what the last checkpoint had more
	checks []checkpoint    // in order
}

// checkpoint are the books at a position, as somebody else has them.
type checkpoint struct {
	seq    uint64
	totals isuride.Totals
}

// Checkpoint has the totals at an event compared with those that the events sum up to, as soon
// as the write-behind is there. If it is past it, nothing is compared.
func (w *Writer) Checkpoint(seq uint64, totals isuride.Totals) {
	w.ledger.add(checkpoint{seq: seq, totals: totals})
}

// Adopt ends the difference that the last Checkpoint has found: what it had is right, and is
// written from the next cut on.
func (w *Writer) Adopt() {
	l := &w.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.base != nil {
		base := l.base.Add(l.off)
		l.base, l.off = &base, isuride.Totals{}
	}
}

func (l *ledger) add(c checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checks = append(l.checks, c)
	slices.SortStableFunc(l.checks, func(a, b checkpoint) int { return cmp.Compare(a.seq, b.seq) })
	l.meetLocked(l.last)
}

// note follows the next event.
func (l *ledger) note(seq uint64, e *isuride.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meetLocked(seq - 1)
	if d := l.tally.Note(e); d != nil {
		l.tellLocked(d)
	}
	l.last = seq
}

// meetLocked looks at the checkpoints up to a position between the last event and the next.
func (l *ledger) meetLocked(position uint64) {
	for len(l.checks) > 0 && l.checks[0].seq <= position {
		if c := l.checks[0]; c.seq >= l.last {
			l.compareLocked(c)
		}
		l.checks = l.checks[1:]
	}
}

func (l *ledger) compareLocked(c checkpoint) {
	if l.base == nil {
		base := c.totals.Sub(l.tally.Totals)
		l.base = &base
		return
	}
	have := l.base.Add(l.tally.Totals)
	l.off = c.totals.Sub(have)
	if d := recount.Compare(recount.ReplayTotals, "what the database had, with the events of the log", have, "the ledger", c.totals); d != nil {
		l.tellLocked(d)
	}
}

// at returns the books at a position between the last event and the next, nil if they are not
// known.
func (l *ledger) at(position uint64) *isuride.Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meetLocked(position)
	if l.base == nil {
		return nil
	}
	t := l.base.Add(l.tally.Totals)
	return &t
}

func (l *ledger) tellLocked(d *recount.Difference) {
	if l.differs != nil {
		l.differs(d)
	}
}

// Stretches of the chain end after so many records or bytes, at the end of a cut: some hundred of
// them are in the 256 MiB that a journal normally keeps.
const (
	stretchRecords = 10_000
	stretchBytes   = 1 << 20
)

// link returns what the cut that is about to be written adds to the chain.
func (w *Writer) link() *isuride.Chain {
	if w.chain == nil {
		return nil
	}
	c := &isuride.Chain{Head: w.chain.Head(), Oldest: w.opt.Oldest(), Ended: w.ended}
	w.ended = nil
	if w.chain.Records >= stretchRecords || w.chain.Bytes >= stretchBytes {
		c.Ended = append(c.Ended, w.chain.End())
	}
	return c
}
