package verify

import "time"

// tick is one step of the benchmarker's world (S1.2).
const tick = 30 * time.Millisecond

// skew is how far the server's clock may be off; "well below one second" (S1.3).
const skew = time.Second

// during says whether a server's timestamp lies within an exchange.
func (w *answer) during(ms int64) bool { return between(ms, w.sent, w.received) }

// between says whether a timestamp lies between two moments of the own clock.
func between(ms int64, from, to time.Time) bool {
	return ms >= from.Add(-skew).UnixMilli() && ms <= to.Add(skew).UnixMilli()
}
