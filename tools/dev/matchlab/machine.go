package main

import (
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// A kind is a kind of work that the machine does.
type kind int

const (
	workPosition kind = iota // reports
	workStatus               // of chairs, posted
	workNotice               // a message on a stream
	workStream               // opening one
	workLeave                // closing one
	workHistory
	workNearby
	workListed // one chair in the answer to nearby, encoded, read and checked
	workEstimate
	workRequest // of a ride
	workRate
	workPayment  // one attempt
	workRegister // users, their payment tokens, chairs
	workOwner
	workMatching
	kinds
)

var kindNames = [kinds]string{
	"position", "status", "notice", "stream", "leave", "history", "nearby", "listed", "estimate", "request", "rate", "payment", "register",
	"owner", "matching",
}

// costs is the work of a call of each kind, for server, bench and kernel together, in
// microseconds; for matching, it is the work of a thousand pairs of ride and chair in a
// round.
type costs [kinds]float64

// measured are the costs with which a run resembles the real one on a machine of 2 cores
// over plain HTTP, see docs/dispatch.md of the server. The proportions follow from what
// the calls do; the one of a listed chair was found in a run with hundreds of them in
// each answer.
var measured = costs{
	workPosition: 43, workStatus: 57, workNotice: 19, workStream: 142, workLeave: 19, workHistory: 33, workNearby: 33, workListed: 1.1, workEstimate: 48, workRequest: 67, workRate: 76,
	workPayment: 57, workRegister: 114, workOwner: 475, workMatching: 20,
}

// scaled are the costs on a machine that takes f times as long.
func (c costs) scaled(f float64) costs {
	for k := range c {
		c[k] *= f
	}
	return c
}

// A machine is shared by server, bench and kernel: some cores and one queue of work,
// first come first served. Latency is not given, it emerges from the queue.
type machine struct {
	loop  *virtual.Loop
	costs costs
	cores []world.Instant // when each will be idle
	work  [kinds]world.Instant
	calls [kinds]int
}

func newMachine(loop *virtual.Loop, cores int, c costs) *machine {
	return &machine{loop: loop, costs: c, cores: make([]world.Instant, cores)}
}

// call takes on the work of a call and runs the task when it is done.
func (m *machine) call(k kind, t virtual.Task) {
	m.loop.After(m.take(k, 1)-m.loop.Now(), t)
}

// take takes on n times the work of a kind and returns when it will be done.
func (m *machine) take(k kind, n float64) world.Instant {
	core := &m.cores[0]
	for i := range m.cores {
		if m.cores[i] < *core {
			core = &m.cores[i]
		}
	}
	work := world.Instant(n*m.costs[k] + 0.5)
	*core = max(*core, m.loop.Now()) + work
	m.work[k] += work
	m.calls[k]++
	return *core
}
