package stream

import (
	"context"
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

// partition names one.
type partition struct {
	topic  string
	number int32
}

// chunk is what came of a partition at once.
type chunk struct {
	of      *queued
	records []*kgo.Record
	at      time.Time
}

// queued is what waits of one partition, and whether it takes more.
type queued struct {
	of    partition
	gate  *batch.Gate
	bytes int64
}

// inbox holds messages between the broker and the database. When the database is slow, or
// away, partitions pause on their own, and their messages stay at the broker.
type inbox struct {
	client *kgo.Client
	some   chan struct{} // something has come
	room   chan struct{} // something was taken

	mu lockwatch.Mutex
	// The rest is guarded by mu.
	chunks []chunk // in the order in which they came
	queues map[partition]*queued
	bytes  int64 // of all
}

func newInbox(client *kgo.Client) *inbox {
	return &inbox{client: client, some: make(chan struct{}, 1), room: make(chan struct{}, 1), queues: map[partition]*queued{}}
}

// put adds what was fetched.
func (b *inbox) put(fetches kgo.Fetches, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		l := b.queueLocked(partition{p.Topic, p.Partition})
		b.chunks = append(b.chunks, chunk{l, p.Records, now})
		l.bytes, b.bytes = l.bytes+size(p.Records), b.bytes+size(p.Records)
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
	l, ok := b.queues[of]
	if !ok {
		l = &queued{of: of, gate: batch.NewGate(batch.Marks{Bytes: inboxBytes})}
		b.queues[of] = l
	}
	return l
}

// take hands over messages, in order, as long as more is wanted, and appends them to dst. It
// belongs to one goroutine, and add may take its time: others put messages in meanwhile.
func (b *inbox) take(dst []*kgo.Record, add func(*kgo.Record) (more bool)) []*kgo.Record {
	for more := true; more; {
		records := b.first()
		if len(records) == 0 {
			break
		}
		n := 0
		for more && n < len(records) {
			more = add(records[n])
			n++
		}
		dst = append(dst, records[:n]...)
		b.drop(n)
	}
	signal(b.room)
	return dst
}

// first returns the messages that came at once and are the first to be taken.
func (b *inbox) first() []*kgo.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.chunks) == 0 {
		return nil
	}
	return b.chunks[0].records
}

// drop removes so many of them.
func (b *inbox) drop(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &b.chunks[0]
	bytes := size(c.records[:n])
	c.of.bytes, b.bytes = c.of.bytes-bytes, b.bytes-bytes
	if c.records = c.records[n:]; len(c.records) == 0 {
		b.chunks[0] = chunk{}
		b.chunks = b.chunks[1:]
	}
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
	oldest := map[*queued]time.Time{}
	for i := len(b.chunks) - 1; i >= 0; i-- {
		oldest[b.chunks[i].of] = b.chunks[i].at
	}
	for of, l := range b.queues {
		age := time.Duration(0)
		if at, ok := oldest[l]; ok {
			age = now.Sub(at)
		}
		before := l.gate.Level() == batch.Paused
		paused := l.gate.Observe(now, l.bytes, age)
		switch which := map[string][]int32{of.topic: {of.number}}; {
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
		again := b.observe(time.Now())
		b.mu.Lock()
		empty := len(b.chunks) == 0
		b.mu.Unlock()
		if !empty {
			return nil
		}
		var timer <-chan time.Time
		if again > 0 {
			timer = time.After(again)
		}
		select {
		case <-b.some:
		case <-timer:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
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
