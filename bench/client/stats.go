package client

import "isuride/bench/world"

// Stats sums up the calls of all entities. It belongs to the World's goroutine.
type Stats struct {
	Endpoints [operationCount]Endpoint // by the event that ends the call, see Named
}

// An Endpoint counts the calls of one kind.
type Endpoint struct {
	Name     string
	Calls    int
	Failures int             // refused ones included
	Latency  world.Histogram // of all calls but refused ones, failed ones included, from the call to its event
	Refused  world.Histogram // of those that the server refused and asked to repeat later
}

func (p *Endpoint) add(d delivery) {
	p.Calls++
	if d.event.Failure != nil {
		p.Failures++
	}
	took := world.Instant(d.took.Microseconds())
	if f := d.event.Failure; f != nil && f.RetryAfter > 0 {
		p.Refused.Add(took)
		return
	}
	p.Latency.Add(took)
}

// Named returns the endpoints that were called, in the order of the API.
func (s *Stats) Named() []*Endpoint {
	var used []*Endpoint
	for event := range s.Endpoints {
		if p := &s.Endpoints[event]; p.Calls > 0 {
			p.Name = operations[event].name
			used = append(used, p)
		}
	}
	return used
}

// Counts are totals over all requests.
type Counts struct {
	Requests  int64 `json:"requests"`   // sent and answered, or failed; files of pages and polls included
	FromCache int64 `json:"from_cache"` // answered without a request
	Bytes     int64 `json:"bytes"`      // of bodies, as they came
	Streams   int64 `json:"streams"`    // event streams opened
	Polls     int64 `json:"polls"`
	Messages  int64 `json:"messages"` // notifications handed to the World

	// Dropped counts notifications and polls that the official bench silently ignores
	// (B9.2), with an example, as they are the usual reason of rides that hang.
	Dropped        int64  `json:"dropped"`
	DroppedExample string `json:"dropped_example,omitempty"`
}

func (c *Counts) add(d Counts) {
	c.Requests += d.Requests
	c.FromCache += d.FromCache
	c.Bytes += d.Bytes
	c.Streams += d.Streams
	c.Polls += d.Polls
	c.Messages += d.Messages
	c.Dropped += d.Dropped
	if c.DroppedExample == "" {
		c.DroppedExample = d.DroppedExample
	}
}

// Stats sums up the calls so far.
func (e *Engine) Stats() *Stats { return &e.stats }

// Dials counts connections.
func (e *Engine) Dials() DialStats { return e.dials.snapshot() }

// Counts adds up the requests of all loops. With other loops it waits for them, so it
// must not be called on them.
func (e *Engine) Counts() Counts {
	var sum Counts
	for _, s := range e.shards {
		if s.local() {
			sum.add(s.counts)
			continue
		}
		counts := make(chan Counts, 1)
		s.loop.Post(countsRequest{s, counts})
		sum.add(<-counts)
	}
	return sum
}

type countsRequest struct {
	shard *shard
	reply chan<- Counts
}

func (r countsRequest) Run() { r.reply <- r.shard.counts }
