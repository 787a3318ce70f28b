package admission

import "time"

// Gains of the controller, for one interval. They were found by the plants of
// controller_test.go: a queue that grows as soon as more is admitted than served, and rides
// that go on asking for a second after they were admitted, each at two to eight times what can be
// served. Half of either gain takes twice as long to find the share, twice of it swings.
const (
	// gainOver is the change of the share when the wait is twice the target, or nothing.
	gainOver = 0.06
	// gainTrend is that when the wait has grown, or fallen, by the target.
	gainTrend = 0.04
	// most is what an interval may change at most, so that nothing that happens within one,
	// such as a process that stood still, decides alone.
	most = 0.25
)

// controller finds the share of one class that is to be refused, so that the wait stays near
// its target. It is the proportional-integral rule of PIE (RFC 8033 4.2) over the
// measure of CoDel (RFC 8289), the least wait of an interval: a burst that is served within the
// interval changes nothing, and whatever is steady is found without a probe or an estimate of
// what the machine can do.
//
// Rejected: CoDel's own law, in which refusals come more and more often. It
// assumes senders that slow down when one packet is lost; a rider who is refused is replaced by
// the next. And a limit of requests under way, since their costs differ by a hundred times.
type controller struct {
	target time.Duration // 0: the class is never refused
	share  float64       // 0 to 1
	before time.Duration // the wait of the interval before
}

// step takes the least wait of an interval.
func (c *controller) step(low time.Duration) {
	if c.target <= 0 {
		return
	}
	over := clamp(ratio(low-c.target, c.target), -1, 4)
	trend := clamp(ratio(low-c.before, c.target), -2, 2)
	c.before = low
	change := clamp(gainOver*over+gainTrend*trend, -most, most)
	if low <= c.target { // below it, nobody is refused who was not
		change = min(change, 0)
	}
	c.share = clamp(c.share+change, 0, 1)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func clamp(v, least, most float64) float64 { return max(least, min(v, most)) }
