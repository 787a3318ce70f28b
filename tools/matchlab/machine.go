package main

import (
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// A machine is what server, bench and kernel share: some cores and one queue of work, first come first served. Latency
// is not given, it emerges from the queue.
type machine struct {
	loop  *virtual.Loop
	cores []world.Instant // when each has done what it has been given
	busy  world.Instant   // work taken on, all cores together
	calls int             // that were taken on
}

func newMachine(loop *virtual.Loop, cores int) *machine {
	return &machine{loop: loop, cores: make([]world.Instant, cores)}
}

// call takes on the work of a call and runs the task when it is done.
func (m *machine) call(work world.Instant, t virtual.Task) {
	m.calls++
	m.loop.After(m.take(work)-m.loop.Now(), t)
}

// take takes on work and tells when it is done.
func (m *machine) take(work world.Instant) world.Instant {
	core := &m.cores[0]
	for i := range m.cores {
		if m.cores[i] < *core {
			core = &m.cores[i]
		}
	}
	*core = max(*core, m.loop.Now()) + work
	m.busy += work
	return *core
}

// costs is the work of each kind of call, server, bench and kernel together, in microseconds.
type costs struct {
	position, status world.Instant // of chairs
	notice           world.Instant // a message on a stream
	stream, leave    world.Instant // opening and closing one
	history, nearby, estimate, request, rate,
	payment, register world.Instant // of users; payment is one attempt
	owner world.Instant
	pair  float64 // of one ride and one chair in a round of matching
}

// measured are the costs of which a run is like the real one on a machine of 2 cores over plain HTTP: with the policy of
// that time 2.67 million points where the real run had 2.59, saturated from second 24 on, with position reports of 58 ms
// (61) in the mean. The proportions follow from what the calls do.
var measured = costs{
	position: 43, status: 57,
	notice: 19,
	stream: 142, leave: 19,
	history: 33, nearby: 33, estimate: 48, request: 67, rate: 76,
	payment: 57, register: 114,
	owner: 475,
	pair:  0.02,
}

// scaled are the costs on a machine that takes f times as long.
func (c costs) scaled(f float64) costs {
	for _, w := range []*world.Instant{
		&c.position, &c.status, &c.notice, &c.stream, &c.leave, &c.history, &c.nearby, &c.estimate, &c.request, &c.rate,
		&c.payment, &c.register, &c.owner,
	} {
		*w = world.Instant(f*float64(*w) + 0.5)
	}
	c.pair *= f
	return c
}
