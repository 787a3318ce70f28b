package admission

import (
	"sync/atomic"
	"time"
)

// guests are the sessions that were let in while others were refused, each with the time since when.
// For an epoch they are refused only when nobody else of class C is left to refuse. Otherwise the
// share, which moves all the time, would turn back those half way in, and what was done for them
// would be lost: beside three and a half times the load, a third of those let in.
//
// Not for longer, or those who came first would keep all others out. And a table that never grows,
// as that of the budgets: where two share a slot, the earlier is a guest no more.
type guests struct{ slots [slots]atomic.Uint64 }

// add lets a session in. It keeps the time at which that was done first.
func (g *guests) add(session uint64, now time.Duration) {
	if !g.has(session, now) {
		g.slots[session%slots].Store(session>>timeBits<<timeBits | uint64(now/time.Microsecond)&(1<<timeBits-1))
	}
}

func (g *guests) has(session uint64, now time.Duration) bool {
	since := timeOf(g.slots[session%slots].Load(), session)
	return since != 0 && now-time.Duration(since)*time.Microsecond < epoch
}
