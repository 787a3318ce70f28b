package flush

import (
	"context"
	"fmt"
	"time"
)

const (
	// A deadlock or a reconnect is over within the first pause. The last one is short
	// enough that nobody waits for a database that is back. There is one writer, so
	// there is nobody to spread the attempts from.
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second

	// attemptLimit ends an attempt that hangs, as on a connection whose other end has
	// vanished. The largest cut takes about a second.
	attemptLimit = time.Minute
)

// insist writes the cut however often that takes, and returns how long the last attempt
// took. The error is ctx's, or the target's when another attempt cannot help.
func (w *Writer) insist(ctx context.Context) (took time.Duration, err error) {
	took, err = w.attempt(ctx)
	if err == nil {
		return took, nil
	}
	began, retries := time.Now(), 0
	w.counters.outage.Store(&Outage{began, err})
	defer w.counters.outage.Store(nil)
	for delay := firstRetry; err != nil; delay = min(2*delay, lastRetry) {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if !w.opt.Transient(err) {
			return 0, fmt.Errorf("write events up to %d: %w", w.cut.last, err)
		}
		if retries == 0 {
			w.opt.Logger.Warn("the database takes no changes; the journal keeps them", "err", err)
		}
		pause(ctx, delay)
		retries++
		w.counters.retries.Add(1)
		took, err = w.attempt(ctx)
	}
	w.opt.Logger.Info("the database takes changes again", "retries", retries, "after", time.Since(began).Round(time.Millisecond))
	return took, nil
}

func (w *Writer) attempt(ctx context.Context) (took time.Duration, err error) {
	if err := w.takeTurn(ctx); err != nil {
		return 0, err
	}
	defer w.endTurn()
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	began := time.Now()
	err = w.opt.Target.WriteCut(ctx, w.opt.Generation, w.cut.last, w.cut.tables())
	return time.Since(began), err
}
