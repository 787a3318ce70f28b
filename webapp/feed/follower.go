package feed

import (
	"context"
	"time"
)

// Follower reads a connection with one subscription, for a goroutine of this process that waits for
// its frames.
type Follower struct {
	conn *Conn
	some chan struct{} // Next may have something
}

// Follow opens one. It is to be closed.
func (f *Feed) Follow(r Request) *Follower {
	w := &Follower{some: make(chan struct{}, 1)}
	w.conn = f.Open(w.wake)
	w.conn.Subscribe(r)
	return w
}

func (w *Follower) wake() {
	select {
	case w.some <- struct{}{}:
	default:
	}
}

// Next returns the next frame as JSON, which is lent until the following call. If it is due first, there
// is none: the frame is nil. An error is that of ctx.
func (w *Follower) Next(ctx context.Context, due <-chan time.Time) ([]byte, error) {
	for {
		select {
		case <-due: // also while there is always a next one
			return nil, nil
		default:
		}
		if m, ok := w.conn.Next(); ok {
			return m.JSON, nil
		}
		select {
		case <-w.some:
		case <-due:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends it.
func (w *Follower) Close() { w.conn.Close() }
