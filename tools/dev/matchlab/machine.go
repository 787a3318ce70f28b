package main

import (
	"slices"

	"isuride/bench/virtual"
	"isuride/bench/world"
)

// A kind is a kind of work. Most are calls, at which both parties work.
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
	workPayment  // one attempt; here the server is the one who calls
	workPaid     // what an attempt adds for each thousand rides paid before
	workRegister // users, their payment tokens, chairs
	workOwner
	workMatching  // a thousand pairs of ride and chair in a round
	workHandshake // of TLS, for a new connection
	workFile      // of a page, fetched
	workVisit     // a page's files, all from the client's cache
	workTick      // an entity in a tick
	kinds
)

var kindNames = [kinds]string{
	"position", "status", "notice", "stream", "leave", "history", "nearby", "listed", "estimate", "request", "rate", "payment", "paid", "register",
	"owner", "matching", "handshake", "file", "visit", "tick",
}

// isCall tells the kinds that are calls: with opening and closing of streams and attempts to
// pay, but without messages.
func (k kind) isCall() bool {
	switch k {
	case workNotice, workListed, workMatching, workPaid, workHandshake, workVisit, workTick:
		return false
	}
	return true
}

// A party is one of the two programs.
type party int

const (
	atServer party = iota
	atClient
	parties
)

// A machine is what the parties run on, kernel included: cores with one queue of work,
// first come first served. Either they share them or each has its own. Latency is not
// given, it emerges from the queue. The client serialises nothing but CPU.
type machine struct {
	loop  *virtual.Loop
	costs costs
	cores [parties][]world.Instant // when each will be idle; one and the same slice if shared
	work  [parties][kinds]world.Instant
	calls [kinds]int
}

// newMachine makes one with so many cores for the server and for the client; 0 for the client
// means that it runs on the server's.
func newMachine(loop *virtual.Loop, cores [parties]int, c costs) *machine {
	m := &machine{loop: loop, costs: c}
	m.cores[atServer] = make([]world.Instant, cores[atServer])
	m.cores[atClient] = m.cores[atServer]
	if n := cores[atClient]; n > 0 {
		m.cores[atClient] = make([]world.Instant, n)
	}
	return m
}

// count is how many cores there are.
func (m *machine) count() int {
	if n := len(m.cores[atServer]); &m.cores[atServer][0] == &m.cores[atClient][0] {
		return n
	}
	return len(m.cores[atServer]) + len(m.cores[atClient])
}

// do takes on a party's part of one work of a kind and runs the task when it is done.
func (m *machine) do(p party, k kind, t virtual.Task) {
	m.loop.After(m.take(p, k, 1)-m.loop.Now(), t)
}

// take takes on a party's part of n times the work of a kind and returns when it will be done.
func (m *machine) take(p party, k kind, n float64) world.Instant {
	cores := m.cores[p]
	core := &cores[0] // the first to be idle
	for i := range cores {
		if cores[i] < *core {
			core = &cores[i]
		}
	}
	work := world.Instant(n*m.costs[p][k] + 0.5)
	*core = max(*core, m.loop.Now()) + work
	m.work[p][k] += work
	if p == atServer {
		m.calls[k]++
	}
	return *core
}

// backlog is how long new work of a party waits.
func (m *machine) backlog(p party) world.Instant {
	return max(slices.Min(m.cores[p])-m.loop.Now(), 0)
}

// connect is the work of a new connection.
func (m *machine) connect() {
	m.take(atServer, workHandshake, 1)
	m.take(atClient, workHandshake, 1)
}
