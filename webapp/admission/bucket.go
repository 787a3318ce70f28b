package admission

import (
	"sync/atomic"
	"time"
)

const (
	// pause is what a request of a session costs of its time: 100 requests a second. A
	// client that waits for each answer, and the contest's acts every 30 ms, does not come near it.
	pause = 10 * time.Millisecond
	// burst is what a session may be ahead, 200 requests.
	burst = 200 * pause
	// slots is the number of budgets, 8 bytes each. There are never more:
	// two sessions with one slot, one of them new, cost the other what it had used, never a refusal.
	slots = 1 << 14
)

// buckets are the budgets of all sessions, each as the time up to which it is spent (the
// generic cell rate algorithm), with a part of the session's number.
type buckets struct{ slots [slots]atomic.Uint64 }

func newBuckets() *buckets { return new(buckets) }

const (
	tagBits  = 16
	timeBits = 64 - tagBits
)

// timeOf reads a slot: the time in it, in us, or 0 if that is another session's.
func timeOf(slot, session uint64) uint64 {
	if slot>>timeBits != session>>timeBits {
		return 0
	}
	return slot & (1<<timeBits - 1)
}

// take takes a request out of a budget, if it is there.
func (b *buckets) take(session uint64, now time.Duration) bool {
	slot := &b.slots[session%slots]
	tag, at := session>>timeBits, uint64(now/time.Microsecond)
	for {
		old := slot.Load()
		spent := timeOf(old, session)
		spent = max(spent, at) + uint64(pause/time.Microsecond)
		if spent > at+uint64(burst/time.Microsecond) {
			return false
		}
		if slot.CompareAndSwap(old, tag<<timeBits|spent&(1<<timeBits-1)) {
			return true
		}
	}
}
