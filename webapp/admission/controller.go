package admission

import "time"

const (
	// interval is how often a gate looks, and easyInterval how often it does while it is not
	// pressed: then what waits too long may do so for a tenth of a second more.
	interval     = 20 * time.Millisecond
	easyInterval = 5 * interval
	// standing is how long everything must have waited beyond the target before anybody is
	// refused: a queue that empties in between was a burst.
	standing = 100 * time.Millisecond
	// calm is how long nothing must have done so before that time is asked for again.
	calm = time.Second
	// width is the part of the target within which the share goes from nobody to all.
	width = 0.5
	// slew is the most that the share changes in an interval. If it fell at once, what waits at the
	// door would come in together, at eight times the load seven intervals' work. If it rose at
	// once, most of those who are half way in would be turned back.
	slew = 0.25
)

// controller finds the share of one class that is to be refused, so that the wait stays near its
// target.
//
// It takes CoDel's measure (RFC 8289): the least wait of an interval, and nothing happens before
// that was above the target for a tenth of a second. From then on the share follows the wait
// itself, looked at five times as often: none at the target, all at one and a half times it. What
// waits is the sum of all that was admitted too much, so the wait stops growing where exactly so
// much is refused as is too much, wherever that is; nothing has to be estimated, learned, or
// unlearned when the load is over.
//
// Rejected, with the plants of plant_test.go: the proportional-integral rule of PIE (RFC 8033), and
// CoDel's own law, in which refusals come more and more often. Both go on refusing more while the
// wait stands above the target, but a ride that was admitted is work for seconds: they had refused
// everybody when it came down, and the server had nothing to do for a tenth of its time. And a
// limit of requests under way, since their costs differ by a hundred times.
type controller struct {
	target   time.Duration // 0: the class is never refused
	above    time.Duration // for which all waits have been beyond it, up to now
	below    time.Duration // for which one has not
	shedding bool
	share    float64 // that is to be refused, 0 to 1
}

// step takes the least wait of a time of that length.
func (c *controller) step(low, length time.Duration) {
	if c.target <= 0 {
		return
	}
	if low > c.target {
		c.above, c.below = c.above+length, 0
	} else {
		c.above, c.below = 0, c.below+length
	}
	switch {
	case c.above >= standing:
		c.shedding = true
	case c.below >= calm:
		c.shedding = false
	}
	share := 0.0
	if c.shedding {
		over := float64(low-c.target) / float64(c.target)
		share = min(over/width, 1)
	}
	c.share = max(min(share, c.share+slew), c.share-slew, 0)
}
