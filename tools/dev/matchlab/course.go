package main

import (
	"isuride/bench/world"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// window is the length of the pieces of a course, the same as that of the bench's interim
// scores.
const (
	windowSeconds = 3
	window        = windowSeconds * world.Second
)

// A piece covers one window.
type piece struct {
	Score     float64 // in all, at its end
	Reports   int
	Latency   world.Instant // mean of position reports
	Accepted  int
	Speed     float64 // mean of the accepting chairs
	Completed int
	Empty     int                // nearby calls that found nothing
	Load      float64            // work taken on, as a share of the machine's capacity
	Work      map[string]float64 // the same by kind
	Busy      int                // chairs with a ride at its end
	Waiting   int                // rides without a chair at its end
	Streams   int                // open notification streams at its end

	latencySum world.Instant
	speedSum   int
}

// A course records a run as the server sees it.
type course struct {
	machine *machine
	start   world.Instant // of the load, 0 before it
	pieces  []piece
	score   float64
	busy    int
	waiting int
	streams int
	waits   world.Histogram               // of accepted rides, from request to acceptance
	reports world.Histogram               // latencies
	until   float64                       // ms from requests to the chair's arrival, without delays on the way, in sum
	met     int                           // rides in it
	pairs   int                           // in the largest round
	work    [parties][kinds]world.Instant // up to the last piece's end
}

// begin is called by everything that may be the first event of the load.
func (c *course) begin(now world.Instant) {
	if c.start == 0 {
		c.start, c.work = now, c.machine.work
		c.pieces = []piece{{}}
	}
}

// now is the current piece.
func (c *course) now() *piece {
	now := c.machine.loop.Now()
	for now >= c.start+world.Instant(len(c.pieces))*window {
		c.end()
		c.pieces = append(c.pieces, piece{})
	}
	return &c.pieces[len(c.pieces)-1]
}

// end closes the current piece.
func (c *course) end() {
	p := &c.pieces[len(c.pieces)-1]
	p.Score, p.Busy, p.Waiting, p.Streams = c.score, c.busy, c.waiting, c.streams
	c.endWork(p)
	if p.Reports > 0 {
		p.Latency = p.latencySum / world.Instant(p.Reports)
	}
	if p.Accepted > 0 {
		p.Speed = float64(p.speedSum) / float64(p.Accepted)
	}
}

func (c *course) endWork(p *piece) {
	p.Work = map[string]float64{}
	for k, name := range kindNames {
		work := c.machine.work[atServer][k] + c.machine.work[atClient][k] - c.work[atServer][k] - c.work[atClient][k]
		part := float64(work) / float64(window*world.Instant(c.machine.count()))
		p.Work[name] = part
		p.Load += part
	}
	c.work = c.machine.work
}

func (c *course) reported(latency world.Instant) {
	p := c.now()
	p.Reports++
	p.latencySum += latency
	c.reports.Add(latency)
}

func (c *course) requested() {
	c.now()
	c.waiting++
}

func (c *course) accepted(chair *state.Chair, wait world.Instant, way int) {
	c.until += ms(wait) + float64(way)/float64(chair.Speed)*ms(world.TickLength)
	c.met++
	p := c.now()
	p.Accepted++
	p.speedSum += chair.Speed
	c.waiting--
	c.busy++
	c.waits.Add(wait)
}

func (c *course) completed(r *state.Ride, pickup int) {
	c.now().Completed++
	c.busy--
	c.score += 5 + float64(r.Pickup.Distance(r.Destination)) + float64(pickup)/10
}

func (c *course) nearby(found int) {
	if found == 0 {
		c.now().Empty++
	}
}

func (c *course) round(rows, cols int) { c.pairs = max(c.pairs, rows*cols) }

// wait is how long the ride has waited.
func wait(r *state.Ride, now isuride.Time) world.Instant { return world.Instant(now - r.CreatedAt) }
