package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// commitAfter is when a transaction ends, counted from its first message: half of the
	// 50 ms that it may take at most, since the broker needs 10 to 25 ms for a commit, and
	// what waits meanwhile is a transaction later.
	commitAfter = 25 * time.Millisecond
	// maxGathered bounds what waits for a commit, in messages: some 5 MiB, and more than comes
	// meanwhile.
	maxGathered = 8_000
	// slowTransaction is what no transaction takes unless the broker has stood still, or was killed and started again.
	slowTransaction = time.Second
)

// errSlow ends the session, and another one begins: what the broker has forgotten of the transaction must be ended
// before the next one, see endForgotten.
var errSlow = errors.New("a transaction took more than a second: the broker may have been killed meanwhile, and is asked how it has ended")

// transactions sends messages in one transaction after the other, each with the position up to
// which it is complete. It belongs to one goroutine.
//
// While the broker commits one, nothing can be sent. What comes meanwhile gathers here, so
// that the time is not lost for reading it and for making messages.
type transactions struct {
	client *kgo.Client
	counts *producerCounts
	region []byte
	owner  string // of the region, for the cursor

	open     bool
	holds    bool               // messages, not only a position
	began    time.Time          // when it was opened
	gathered []*kgo.Record      // of the next one
	ending   chan error         // that of the one that is open; nil while it goes on
	cancel   context.CancelFunc // ends the attempt

	wake  chan time.Time // has something when one is due, or has ended
	timer *time.Timer
	over  atomic.Bool // the time of the one that is open

	failed atomic.Pointer[error] // the first of a message
}

func newTransactions(client *kgo.Client, counts *producerCounts, region, owner string) *transactions {
	t := &transactions{client: client, counts: counts, region: []byte(region), owner: owner, wake: make(chan time.Time, 1)}
	t.timer = time.AfterFunc(time.Hour, func() {
		t.over.Store(true)
		t.signal()
	})
	t.timer.Stop()
	return t
}

func (t *transactions) signal() {
	select {
	case t.wake <- time.Time{}:
	default:
	}
}

// send adds a message to the transaction that is open, or to the next one.
func (t *transactions) send(ctx context.Context, r *kgo.Record) error {
	if t.ending != nil {
		t.gathered = append(t.gathered, r)
		if len(t.gathered) < maxGathered {
			return nil
		}
		return t.ended(ctx)
	}
	if err := t.begin(); err != nil {
		return err
	}
	t.holds = true
	t.client.Produce(ctx, r, t.sent)
	return nil
}

func (t *transactions) begin() error {
	if t.open {
		return nil
	}
	if err := t.client.BeginTransaction(); err != nil {
		return err
	}
	t.open, t.holds, t.began = true, false, time.Now()
	t.over.Store(false)
	t.timer.Reset(commitAfter)
	return nil
}

// sent is called when the broker has taken a message, or never will.
func (t *transactions) sent(r *kgo.Record, err error) {
	switch {
	case err != nil:
		t.failed.CompareAndSwap(nil, &err)
	case r.Topic != Cursor:
		t.counts.messages.Add(1)
	}
}

// idle reports whether there is no transaction.
func (t *transactions) idle() bool { return !t.open }

// due reports whether the transaction has taken its time, and should end with the next group.
func (t *transactions) due() bool { return t.open && t.ending == nil && t.over.Load() }

// goOn sends what has gathered, if the transaction before has ended. An error is that of a
// message or of an end, after which nothing more can be sent.
func (t *transactions) goOn(ctx context.Context) error {
	if t.ending != nil {
		select {
		case err := <-t.ending:
			return t.next(ctx, err)
		default:
		}
	}
	return t.failure()
}

func (t *transactions) failure() error {
	if failed := t.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

// ended waits until no transaction is ending, and sends what has gathered.
func (t *transactions) ended(ctx context.Context) error {
	if t.ending == nil {
		return nil
	}
	return t.next(ctx, <-t.ending)
}

// next begins behind a transaction that has ended.
func (t *transactions) next(ctx context.Context, err error) error {
	t.ending = nil
	t.cancel()
	if err != nil {
		return err
	}
	t.open = false
	t.counts.transactions.Add(1)
	if t.holds && time.Since(t.began) > slowTransaction {
		return errSlow
	}
	for _, r := range t.gathered {
		if err := t.send(ctx, r); err != nil {
			return err
		}
	}
	clear(t.gathered)
	t.gathered = t.gathered[:0]
	return nil
}

// commit begins to end the transaction, which has everything up to a position.
func (t *transactions) commit(ctx context.Context, at position) {
	ctx, t.cancel = context.WithTimeout(ctx, callLimit)
	t.timer.Stop()
	t.client.Produce(ctx, &kgo.Record{Topic: Cursor, Key: t.region, Value: at.append(nil),
		Headers: []kgo.RecordHeader{{Key: ownerHeader, Value: []byte(t.owner)}}}, t.sent)
	ending := make(chan error, 1)
	t.ending = ending
	go func() {
		ending <- t.end(ctx)
		t.signal()
	}()
}

func (t *transactions) end(ctx context.Context) error {
	if err := t.client.Flush(ctx); err != nil {
		return err
	}
	if err := t.failure(); err != nil {
		return err
	}
	if err := t.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit a transaction: %w", err)
	}
	return nil
}

// prove writes a position alone.
func (t *transactions) prove(ctx context.Context, at position) error {
	if err := t.begin(); err != nil {
		return err
	}
	t.commit(ctx, at)
	return t.ended(ctx)
}

// abort ends a transaction that is left, so that no consumer waits for it.
func (t *transactions) abort() error {
	t.timer.Stop()
	if t.ending != nil {
		t.cancel()
		if err := <-t.ending; err == nil {
			t.open = false
		}
	}
	if !t.open {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), abortLimit)
	defer cancel()
	return errors.Join(t.client.AbortBufferedRecords(ctx), t.client.EndTransaction(ctx, kgo.TryAbort))
}
