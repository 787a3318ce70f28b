package stream

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"isuride/webapp/internal/batch"
)

// fetched are messages of one partition, as the client returns them.
func fetched(number int32, records ...*kgo.Record) kgo.Fetches {
	return kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: Positions, Partitions: []kgo.FetchPartition{{Partition: number, Records: records}}}}}}
}

// TestInbox lets one partition come faster than it is taken, and one slowly: only the first
// pauses, and goes on once its messages are gone and the pause has lasted.
func TestInbox(t *testing.T) {
	b := newInbox(clientOf(t, fakeBroker(t), kgo.ConsumeTopics(Positions)))
	big := &kgo.Record{Topic: Positions, Value: make([]byte, inboxBytes/8), Timestamp: noon}
	small := &kgo.Record{Topic: Positions, Value: make([]byte, 10), Timestamp: noon.Add(-time.Second)}
	now := noon
	paused := func(number int32) bool {
		return b.queueLocked(partition{Positions, number}).gate.Level() == batch.Paused
	}
	b.put(fetched(1, small), now)
	for range 5 {
		b.put(fetched(0, big), now)
	}
	if paused(0) || paused(1) {
		t.Error("a partition pauses below three quarters of its room")
	}
	b.put(fetched(0, big), now)
	if !paused(0) || paused(1) {
		t.Errorf("paused are %v and %v; want the partition that is full", paused(0), paused(1))
	}
	if level, pauses := b.level(); level != batch.Paused || pauses != 1 {
		t.Errorf("the level is %v after %d pauses", level, pauses)
	}
	order := ""
	taken := b.take(nil, now, func(r *kgo.Record) bool {
		order += map[*kgo.Record]string{big: "b", small: "s"}[r]
		return true
	})
	if order != "sbbbbbb" || len(taken) != 7 {
		t.Errorf("%d messages come as %s; want them in the order in which they came", len(taken), order)
	}
	if again := b.observe(now); again <= 0 || !paused(0) {
		t.Errorf("right after it has paused the partition goes on; again in %v", again)
	}
	if again := b.observe(now.Add(2 * time.Second)); again != 0 || paused(0) {
		t.Errorf("the partition does not go on; again in %v", again)
	}
	if level, _ := b.level(); level != batch.Idle {
		t.Errorf("the level of an empty inbox is %v", level)
	}
}

// TestInboxOrder takes what waits of several partitions in the order in which it was sent. Where one
// of them has run dry, and the broker has more of it, newer messages of others wait a moment.
func TestInboxOrder(t *testing.T) {
	b := newInbox(clientOf(t, fakeBroker(t), kgo.ConsumeTopics(Positions)))
	sent := func(of byte, at ...int) (list []*kgo.Record) {
		for i, ms := range at {
			list = append(list, &kgo.Record{Topic: Positions, Key: []byte{of}, Offset: int64(i), Timestamp: noon.Add(time.Duration(ms) * time.Millisecond)})
		}
		return list
	}
	took := func(now time.Time, most int) string {
		keys := ""
		b.take(nil, now, func(r *kgo.Record) bool {
			keys += string(r.Key)
			return len(keys) < most
		})
		return keys
	}
	last := fetched(0, sent('a', 1, 2, 5, 6)...)
	last[0].Topics[0].Partitions[0].HighWatermark = 4
	more := fetched(1, sent('b', 2, 3, 4)...)
	more[0].Topics[0].Partitions[0].HighWatermark = 4
	b.put(last, noon)
	b.put(more, noon)
	if got := took(noon, 3); got != "aab" {
		t.Errorf("three messages of two partitions are %s; want the oldest", got)
	}
	if got := took(noon, 10); got != "bb" {
		t.Errorf("until a partition has run dry of which the broker has more, they are %s; want its last", got)
	}
	if got := b.ready(noon); got != awaited {
		t.Errorf("newer messages of others wait for %v; want %v", got, awaited)
	}
	b.put(fetched(1, sent('b', 5, 7)...), noon)
	if got := b.ready(noon); got != 0 {
		t.Errorf("what was awaited is there, and it still waits for %v", got)
	}
	if got := took(noon, 10); got != "abab" {
		t.Errorf("once more has come, they are %s; want all in order", got)
	}
	if got := b.ready(noon); got != idle {
		t.Errorf("there is nothing to take, and it waits for %v", got)
	}
	b.put(more, noon)
	took(noon, 10)
	b.put(fetched(0, sent('a', 8, 9)...), noon)
	if got := b.ready(noon.Add(awaited)); got != 0 {
		t.Errorf("more never came, and it waits for %v", got)
	}
	if got := took(noon.Add(awaited), 10); got != "aa" {
		t.Errorf("without what never came, it takes %q", got)
	}
}

// TestInboxByAge pauses a partition whose few messages nobody takes.
func TestInboxByAge(t *testing.T) {
	b := newInbox(clientOf(t, fakeBroker(t), kgo.ConsumeTopics(Positions)))
	b.put(fetched(0, &kgo.Record{Topic: Positions}), noon)
	b.observe(noon.Add(3 * time.Second))
	if level, _ := b.level(); level != batch.Paused {
		t.Errorf("messages that wait for 3 s leave the level at %v", level)
	}
}
