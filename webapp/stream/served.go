package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"isuride/webapp/client"
	"isuride/webapp/internal/lockwatch"
)

// maxRead bounds what is read from a server and not taken yet, in bytes.
const maxRead = 1 << 20

// Served is the feed of a server, with the token of its operator.
type Served struct{ Client *client.Client }

// readyLimit bounds the wait for the first frame.
const readyLimit = 10 * time.Second

var errReady = errors.New("the server's feed answers")

// Ready asks for a table that begins empty.
func (s Served) Ready(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	err := s.Client.Frames(limited, client.Subscription{Tables: "matches", Every: true}, func([]byte) error { return errReady })
	if err == errReady {
		return nil
	}
	return fmt.Errorf("the server's feed: %w", err)
}

// Open follows the feed over HTTP.
func (s Served) Open(ctx context.Context, resume string) (Reader, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &served{cancel: cancel, some: make(chan struct{}, 1), room: make(chan struct{}, 1), ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = s.Client.Frames(ctx, client.Subscription{Tables: Tables, Resume: resume, Every: true},
			func(frame []byte) error { return r.put(ctx, frame) })
	}()
	return r, nil
}

// served reads ahead, so that what has come meanwhile is there at once.
type served struct {
	cancel context.CancelFunc
	some   chan struct{} // something was put in
	room   chan struct{} // something was taken out
	ended  chan struct{} // closed when there will be no more, for err
	err    error

	mu   lockwatch.Mutex
	in   [][]byte // guarded by mu
	size int      // of in, in bytes; guarded by mu

	out  [][]byte // owned by Next
	next int
}

// put blocks while too much waits.
func (r *served) put(ctx context.Context, frame []byte) error {
	for {
		r.mu.Lock()
		if r.size < maxRead {
			break
		}
		r.mu.Unlock()
		select {
		case <-r.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.in, r.size = append(r.in, append([]byte(nil), frame...)), r.size+len(frame)
	r.mu.Unlock()
	signal(r.some)
	return nil
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (r *served) Next(ctx context.Context, due <-chan time.Time) ([]byte, error) {
	for {
		select {
		case <-due: // also while there is always a next one
			return nil, nil
		default:
		}
		if r.next < len(r.out) {
			r.next++
			return r.out[r.next-1], nil
		}
		if r.swap() {
			continue
		}
		select {
		case <-r.some:
		case <-due:
			return nil, nil
		case <-r.ended:
			if !r.swap() {
				return nil, r.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// swap takes all that was read.
func (r *served) swap() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.out)
	r.in, r.out, r.size, r.next = r.out[:0], r.in, 0, 0
	signal(r.room)
	return len(r.out) > 0
}

func (r *served) Close() {
	r.cancel()
	<-r.ended
}
