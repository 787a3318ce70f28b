package admission

import (
	"math/rand/v2"
	"slices"
	"time"
)

// plant is something that is asked for more than it can serve: load times that.
type plant interface {
	// next goes through an interval in which a share of what is asked for is refused, and one of
	// those who have begun. It returns the least wait in it, and what part of its time the server worked.
	next(share, begun float64) (wait time.Duration, used float64)
	// scale changes the load.
	scale(by float64)
}

// door is what a gate has for class C.
type door struct {
	controller
	begun controller
}

func newDoor(target time.Duration) door {
	return door{controller{target: target}, controller{target: target * targets[Strict][begun] / targets[Strict][C]}}
}

func (d *door) step(low time.Duration) {
	d.controller.step(low, interval)
	d.begun.step(low, interval)
}

// queue serves requests in order, and each is all the work there is: whatever is admitted beyond
// what is served waits.
type queue struct{ load, work float64 } // work in seconds

func (q *queue) next(share, _ float64) (time.Duration, float64) {
	span := interval.Seconds()
	before := q.work
	q.work += (q.load*(1-share) - 1) * span
	idle := max(0, -q.work)
	q.work = max(0, q.work)
	return seconds(min(before, q.work)), 1 - idle/span
}

func (q *queue) scale(by float64) { q.load *= by }

// rides is a city without chance: what is admitted asks again and again, at least every 30 ms,
// until it has asked 60 times, and waits for all others each time.
type rides struct{ load, underWay float64 }

func (r *rides) next(share, _ float64) (time.Duration, float64) {
	const think, requests, cost = 0.03, 60, 100e-6
	span := interval.Seconds()
	r.underWay += r.load * (1 - share) * span / (requests * cost)
	cycle := max(think, r.underWay*cost)
	used := r.underWay * cost / cycle
	r.underWay = max(0, r.underWay-r.underWay/cycle/requests*span)
	return seconds(max(0, r.underWay*cost-think)), used
}

func (r *rides) scale(by float64) { r.load *= by }

// city is a server with people who act every 30 ms, all at once, as the benchmarker's do: each ride
// asks four times before it is admitted for good, then 60 times, with one request under way at a
// time. It is told apart from the other plants by its bursts, its chance and its delay: what is
// admitted now is work for seconds.
type city struct {
	random  *rand.Rand
	arrive  float64 // rides a step
	waiting []request
	acting  []request // of the rides that wait for the next tick

	steps   int // of 10 ms
	waits   []time.Duration
	refused int
	// of these, those who were let in before
	turnedBack int
	completed  int
}

type request struct {
	left  int     // of the ride's, this one included
	at    int     // when it came, in services
	place float64 // of its session, see Gate.place
	guest bool    // its session has begun, see guests
}

const (
	citySteps   = 300 // requests that can be served in a tick
	cityAsks    = 60
	cityLooks   = 4
	cityService = 30 * time.Millisecond / citySteps
)

func newCity(load float64) *city {
	return &city{random: rand.New(rand.NewPCG(5, 6)), arrive: load * stepServices / (cityAsks + cityLooks)}
}

// next goes on for an interval and returns the least wait of a request in it.
func (c *city) next(share, begun float64) (least time.Duration, used float64) {
	least = time.Hour
	work := 0
	for range 2 {
		work += c.step(share, begun, &least)
	}
	if least == time.Hour {
		least = 0
	}
	return least, float64(work) / float64(2*stepServices)
}

// stepServices is the number of requests that can be served in 10 ms, a third of a tick.
const stepServices = citySteps / 3

// refusalCost is what a refusal costs, in services.
const refusalCost = 0.3

func (c *city) step(share, begun float64, least *time.Duration) (work int) {
	now := c.steps * stepServices
	if c.steps%3 == 0 {
		for _, r := range c.acting {
			r.at = now
			c.waiting = append(c.waiting, r)
		}
		c.acting = c.acting[:0]
	}
	c.steps++
	for range c.poisson() {
		c.waiting = append(c.waiting, request{left: cityAsks + cityLooks, at: now + c.random.IntN(stepServices), place: c.random.Float64()})
	}
	slices.SortStableFunc(c.waiting, func(a, b request) int { return a.at - b.at })
	at, spent := now, 0.0
	for len(c.waiting) > 0 && at < now+stepServices {
		r := c.waiting[0]
		if r.at > at {
			at = r.at
			continue
		}
		c.waiting = c.waiting[1:]
		wait := time.Duration(at-r.at) * cityService
		*least = min(*least, wait)
		refuse := share
		if r.guest {
			refuse = begun
		}
		if r.left > cityAsks && r.place < refuse {
			c.refused++
			c.turnedBack += one(r.left < cityAsks+cityLooks)
			if spent += refusalCost; spent >= 1 {
				spent--
				at++
			}
			continue
		}
		if r.left <= cityAsks {
			c.waits = append(c.waits, wait)
		}
		at++
		work++
		r.guest = r.guest || share > 0
		if r.left--; r.left > 0 {
			c.acting = append(c.acting, r)
		} else {
			c.completed++
		}
	}
	return work
}

func (c *city) scale(by float64) { c.arrive *= by }

func (c *city) poisson() (n int) {
	for t := c.random.ExpFloat64(); t < c.arrive; t += c.random.ExpFloat64() {
		n++
	}
	return n
}
