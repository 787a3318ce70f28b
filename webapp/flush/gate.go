package flush

import (
	"context"
	"errors"
	"sync"
)

// ErrEnded says that nobody works off the backlog any more.
var ErrEnded = errors.New("the write-behind has ended")

// Admitting tells whether Admit would return at once.
//
// Fast path: the backlog is below the ceiling. Above it, what counts is whether the
// tables are behind by more than a cut: the log may also be long because a charge is
// open, and holding writers back would not help against that.
func (w *Writer) Admitting() bool {
	return w.opt.Log.Backlog() < w.opt.Ceiling || w.Lag().Events <= uint64(w.opt.MaxRows)
}

// Admit waits until the backlog is below its ceiling. The error is ctx's or ErrEnded.
func (w *Writer) Admit(ctx context.Context) error {
	for {
		moved := w.gate.next()
		if w.Admitting() {
			return nil
		}
		select {
		case <-moved:
		case <-w.done:
			return ErrEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gate wakes those who wait for the next cut.
type gate struct {
	mu      sync.Mutex
	waiting chan struct{} // nil if nobody waits; closed by signal
}

func (g *gate) next() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting == nil {
		g.waiting = make(chan struct{})
	}
	return g.waiting
}

func (g *gate) signal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting != nil {
		close(g.waiting)
		g.waiting = nil
	}
}
