package flush

import (
	"context"
	"errors"
)

// ErrEnded says that the backlog is no longer worked off.
var ErrEnded = errors.New("the write-behind has ended")

// Admitting reports whether Admit would return at once.
//
// Fast path: the backlog is below the ceiling. Above it, what counts is whether the
// tables trail by more than a cut: the log may also be long because a charge is open, and
// holding writers back would not help against that.
func (w *Writer) Admitting() bool {
	return w.opt.Log.Backlog() < w.opt.Ceiling || w.Lag().Events <= uint64(w.opt.MaxRows)
}

// Behind reports whether the backlog is half way to the ceiling: those who can refuse changes should
// begin then, so that those that must not be refused never meet the ceiling.
func (w *Writer) Behind() bool {
	return w.opt.Log.Backlog() >= w.opt.Ceiling/2 && w.Lag().Events > uint64(w.opt.MaxRows)
}

// Admit waits until the backlog is below its ceiling. The error is ctx's or ErrEnded.
func (w *Writer) Admit(ctx context.Context) error {
	for {
		moved := w.written.Next()
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
