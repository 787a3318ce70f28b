package flush

import (
	"context"
	"fmt"
)

// Pause returns once no cut is being written, and keeps the next one back until resume is
// called, once. Events go on being read, and Run may end meanwhile.
func (w *Writer) Pause(ctx context.Context) (resume func(), err error) {
	if err := w.takeTurn(ctx); err != nil {
		return nil, fmt.Errorf("wait for the write-behind's cut: %w", err)
	}
	return w.endTurn, nil
}

// A turn is held while a cut is written, and by Pause.

func (w *Writer) takeTurn(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Writer) endTurn() { <-w.turn }
