package admission

import (
	"math"
	"time"
)

// Gains of the controller, for one interval. They are in the middle of what passes the tests of
// controller_test.go, in which a queue, and rides that go on asking for a second after they were admitted,
// are asked for up to eight times what can be served: half of them finds the share too late, twice of
// them swings.
const (
	// gainOver is for a wait of twice the target, or none.
	gainOver = 0.15
	// gainTrend is for a wait that has grown, or fallen, by the target.
	gainTrend = 0.2
	// most is what an interval may change, so that nothing that happens within one, such as a
	// process that stood still, decides alone.
	most = 0.5
	// deepest is the depth at which all are refused: it was nineteen of twenty before. From here it takes two seconds
	// without a wait until nobody is.
	deepest = 3
)

// controller finds the share of one class that is to be refused, so that the wait stays near
// its target.
//
// It is the proportional-integral rule of PIE (RFC 8033 4.2) over the measure of CoDel
// (RFC 8289), the least wait of an interval: a burst that is served within the interval changes
// nothing, and whatever is steady is found without a probe of, or an estimate for, what the machine can
// do. It moves the logarithm of what is still admitted, since at eight times the load a percent
// more of it is eight percent more work.
//
// Rejected: CoDel's own law, in which refusals come more and more often. It assumes senders
// that slow down when one packet is lost; a rider who is refused is followed by
// the next. And a limit of requests under way, since their costs differ by a hundred times.
type controller struct {
	target time.Duration // 0: the class is never refused
	depth  float64       // 0 to deepest
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
	c.depth = clamp(c.depth+change, 0, deepest)
}

// share is the part that is to be refused, 0 to 1.
func (c *controller) share() float64 {
	if c.depth >= deepest {
		return 1
	}
	return 1 - math.Exp(-c.depth)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func clamp(v, least, most float64) float64 { return max(least, min(v, most)) }
