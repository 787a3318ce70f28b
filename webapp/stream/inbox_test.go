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
	big := &kgo.Record{Topic: Positions, Value: make([]byte, inboxBytes/8)}
	small := &kgo.Record{Topic: Positions, Value: make([]byte, 10)}
	now := noon
	paused := func(number int32) bool { return b.queues[partition{Positions, number}].gate.Level() == batch.Paused }
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
	taken := b.take(nil, func(r *kgo.Record) bool {
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

// TestInboxByAge pauses a partition whose few messages nobody takes.
func TestInboxByAge(t *testing.T) {
	b := newInbox(clientOf(t, fakeBroker(t), kgo.ConsumeTopics(Positions)))
	b.put(fetched(0, &kgo.Record{Topic: Positions}), noon)
	b.observe(noon.Add(3 * time.Second))
	if level, _ := b.level(); level != batch.Paused {
		t.Errorf("messages that wait for 3 s leave the level at %v", level)
	}
}
