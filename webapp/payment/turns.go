package payment

import (
	"context"

	"isuride/webapp/internal/lockwatch"
)

// turns lets one charge per key run at a time (S8.3, rule 6).
type turns struct {
	mu   lockwatch.Mutex
	busy map[string]chan struct{} // closed by the holder when it releases the key; guarded by mu
}

// take waits until the key is free and takes it, or returns the context's error.
func (t *turns) take(ctx context.Context, key string) error {
	for {
		busy := t.tryTake(key)
		if busy == nil {
			return nil
		}
		select {
		case <-busy:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryTake takes a free key, or returns the channel that tells when to try again.
func (t *turns) tryTake(key string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if busy := t.busy[key]; busy != nil {
		return busy
	}
	t.busy[key] = make(chan struct{})
	return nil
}

func (t *turns) release(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.busy[key])
	delete(t.busy, key)
}
