package stream

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"isuride/webapp/internal/batch"
	"isuride/webapp/internal/lockwatch"
)

const (
	// inboxBytes is the room for what waits of one partition. A pause lasts a second, so that
	// one for lack of room would cost a busy sink most of its time: less is taken from the
	// client than would close a gate, and what closes it is age, when QuestDB stands still.
	inboxBytes = 12 << 20
	// pollBelow is what may wait in all when more is taken from the client.
	pollBelow = 4 << 20
)

// awaited is how long newer messages of others wait for a partition that has run dry, and of
// which the broker had more: what follows is being fetched.
const awaited = 5 * time.Millisecond

// partition names one.
type partition struct {
	topic  string
	number int32
}

// chunk is what came of a partition at once.
type chunk struct {
	records []*kgo.Record
	at      time.Time
}

// queued is what waits of one partition, and whether it takes more.
type queued struct {
	of     partition
	gate   *batch.Gate
	chunks []chunk // in the order in which they came
	bytes  int64
	behind bool      // the broker had more when the last one came
	dry    time.Time // since then there is none
}

// awaited returns for how long it is worth waiting for more, 0 if not at all.
func (q *queued) awaited(now time.Time) time.Duration {
	if len(q.chunks) > 0 || !q.behind {
		return 0
	}
	return max(0, awaited-now.Sub(q.dry))
}

// inbox holds messages between the broker and the database. When the database is slow, or
// away, partitions pause on their own, and their messages stay at the broker.
//
// Of all partitions, messages are taken in the order in which they were sent, as far as they
// are here. QuestDB appends rows that are newer than all it has, and merges others with
// those that are there, which costs several times as much.
type inbox struct {
	client *kgo.Client
	some   chan struct{} // something has come
	room   chan struct{} // something was taken

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	queues []*queued
	bytes  int64 // of all
}

func newInbox(client *kgo.Client) *inbox {
	return &inbox{client: client, some: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds what was fetched. Marks of the ends of transactions only tell how far it goes.
func (b *inbox) put(fetches kgo.Fetches, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		l := b.queueLocked(partition{p.Topic, p.Partition})
		l.behind = p.HighWatermark > p.Records[len(p.Records)-1].Offset+1
		records := slices.DeleteFunc(p.Records, func(r *kgo.Record) bool { return r.Attrs.IsControl() })
		if len(records) == 0 {
			return
		}
		l.chunks = append(l.chunks, chunk{records, now})
		l.bytes, b.bytes = l.bytes+size(records), b.bytes+size(records)
	})
	b.observeLocked(now)
	signal(b.some)
}

// recordBytes is about what a message takes in memory beside its key and value, most of it for
// headers.
const recordBytes = 800

func size(records []*kgo.Record) (n int64) {
	for _, r := range records {
		n += recordBytes + int64(len(r.Key)+len(r.Value))
	}
	return n
}

func (b *inbox) queueLocked(of partition) *queued {
	for _, q := range b.queues {
		if q.of == of {
			return q
		}
	}
	q := &queued{of: of, gate: batch.NewGate(batch.Marks{Bytes: inboxBytes})}
	b.queues = append(b.queues, q)
	return q
}

// take hands over messages, the oldest first, as long as more is wanted, and appends them to dst.
// It ends with the last of a partition of which more is on its way, or newer ones would overtake that.
// It belongs to one goroutine, and add may take its time: others put messages in meanwhile.
func (b *inbox) take(dst []*kgo.Record, now time.Time, add func(*kgo.Record) (more bool)) []*kgo.Record {
	for more := true; more; {
		from, records := b.oldest()
		if len(records) == 0 {
			break
		}
		n := 0
		for more && n < len(records) {
			more = add(records[n])
			n++
		}
		dst = append(dst, records[:n]...)
		if b.drop(from, n, now) {
			break
		}
	}
	signal(b.room)
	return dst
}

// oldest returns the messages that are to be taken next: those of one partition that are not newer
// than what waits of the others.
func (b *inbox) oldest() (from *queued, records []*kgo.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var next time.Time // of the others
	for _, q := range b.queues {
		if len(q.chunks) == 0 {
			continue
		}
		switch at := q.head().Timestamp; {
		case from == nil:
			from = q
		case at.Before(from.head().Timestamp):
			next, from = from.head().Timestamp, q
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	if from == nil {
		return nil, nil
	}
	records = from.chunks[0].records
	if next.IsZero() {
		return from, records
	}
	n := 1
	for n < len(records) && !records[n].Timestamp.After(next) {
		n++
	}
	return from, records[:n]
}

// head is the first message, if there is one.
func (q *queued) head() *kgo.Record { return q.chunks[0].records[0] }

// drop removes so many of a partition's first messages, and reports whether it has run dry.
func (b *inbox) drop(q *queued, n int, now time.Time) (dry bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &q.chunks[0]
	bytes := size(c.records[:n])
	q.bytes, b.bytes = q.bytes-bytes, b.bytes-bytes
	if c.records = c.records[n:]; len(c.records) == 0 {
		q.chunks[0] = chunk{}
		q.chunks, q.dry = q.chunks[1:], now
	}
	return q.awaited(now) > 0
}

// awaitRoom waits until more should be taken from the client.
func (b *inbox) awaitRoom(ctx context.Context) {
	for {
		b.mu.Lock()
		free := b.bytes < pollBelow
		b.mu.Unlock()
		if free {
			return
		}
		select {
		case <-b.room:
		case <-ctx.Done():
			return
		}
	}
}

// observe lets partitions pause or go on. It returns after how long it should be called again,
// 0 if nothing needs that.
func (b *inbox) observe(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.observeLocked(now)
}

func (b *inbox) observeLocked(now time.Time) (again time.Duration) {
	for _, l := range b.queues {
		age := time.Duration(0)
		if len(l.chunks) > 0 {
			age = now.Sub(l.chunks[0].at)
		}
		before := l.gate.Level() == batch.Paused
		paused := l.gate.Observe(now, l.bytes, age)
		switch which := map[string][]int32{l.of.topic: {l.of.number}}; {
		case paused && !before:
			b.client.PauseFetchPartitions(which)
		case !paused && before:
			b.client.ResumeFetchPartitions(which)
		}
		if w := l.gate.Wait(now); w > 0 && (again == 0 || w < again) {
			again = w
		}
	}
	return again
}

// wait waits for something to take. Partitions that pause are looked after meanwhile.
func (b *inbox) wait(ctx context.Context) error {
	for {
		now := time.Now()
		again, ready := b.observe(now), b.ready(now)
		if ready == 0 {
			return nil
		}
		if again == 0 || ready < again {
			again = ready
		}
		select {
		case <-b.some:
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// idle is how long nothing is waited for that something would not tell of.
const idle = time.Hour

// ready returns after how long there will be something to take, 0 for now.
func (b *inbox) ready(now time.Time) (after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes == 0 {
		return idle
	}
	for _, q := range b.queues {
		after = max(after, q.awaited(now))
	}
	return after
}

// level returns the worst level of all partitions, and how often they have paused.
func (b *inbox) level() (level batch.Level, pauses uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.queues {
		level = max(level, l.gate.Level())
		pauses += l.gate.Pauses()
	}
	return level, pauses
}
