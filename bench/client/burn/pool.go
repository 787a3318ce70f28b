// Package burn makes the bench's client as dear as the official tool's, whose requests
// cost eight times as much: on a machine that carries both, the client then takes as much
// from the server, and when the machine is full, answers wait for the client as they do
// there.
//
// The official tool has goroutines for each entity, which the machine's cores share. Here
// an answer, an event of a stream or a file passes a pool of threads, one for each core,
// that burns its price before the World sees it. So it delays its own entity and those
// that wait for a core, never the event loop. Work that is the same in both, handshakes,
// decompression and hashing, is done in fact, the latter two by the pool.
//
// What it leaves to others: what is charged when (package client) and what is said about
// it (package report).
package burn

import (
	"runtime"
	"sync"
	"time"
)

// Pool is the threads. Its methods may be called by any goroutine.
type Pool struct {
	prices Prices // set once

	mu      sync.Mutex
	arrived sync.Cond // of a lane in ready, or of the end; over mu
	ready   []*Lane   // guarded by mu: lanes with items of which none is being worked on
	idle    idleMeter // guarded by mu
	closed  bool      // guarded by mu
	use     Use       // guarded by mu
	threads sync.WaitGroup
}

// Lane keeps the order of what passes the pool: one piece after the other.
type Lane struct {
	owed Bill // owned by the goroutine that passes; until the next piece

	items []item // guarded by the pool's mu: the first is being worked on if the lane is not ready
}

// item is a piece of work on its way.
type item struct {
	bill Bill
	idle time.Duration // besides the bill
	work func()        // real work besides, nil for none
	then func()
	at   time.Time
}

// New starts threads that burn at these prices, each with a burner of its own. The pool
// must be closed.
func New(p Prices, burners []Burner) *Pool {
	pool := &Pool{prices: p, idle: newIdleMeter(len(burners))}
	pool.arrived.L = &pool.mu
	pool.use.Threads, pool.use.Prices = len(burners), p
	for _, b := range burners {
		pool.threads.Go(func() { pool.run(b) })
	}
	return pool
}

// Owe puts one of a kind on the bill of the next piece. On a lane that is nil, which is
// how it is without a pool, nothing happens.
func (l *Lane) Owe(k Kind) {
	if l != nil {
		l.owed[k]++
	}
}

// Pass burns what the lane owes, does the work, which may be nil, and calls then, both on
// one of the threads.
func (p *Pool) Pass(l *Lane, work, then func()) {
	i := item{bill: l.owed, work: work, then: then, at: time.Now()}
	l.owed = Bill{}
	p.mu.Lock()
	defer p.mu.Unlock()
	i.idle = time.Duration(p.idle.look(i.at) * float64(i.bill[Call]) * float64(p.prices.Idle))
	l.items = append(l.items, i)
	if len(l.items) == 1 {
		p.enqueueLocked(l)
	}
}

func (p *Pool) enqueueLocked(l *Lane) {
	p.ready = append(p.ready, l)
	p.arrived.Signal()
}

// Close ends the threads. What has not passed yet never will.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.arrived.Broadcast()
	p.threads.Wait()
}

// run is a thread.
func (p *Pool) run(b Burner) {
	runtime.LockOSThread()
	for {
		l, i, ok := p.take()
		if !ok {
			return // with the thread, which is still locked
		}
		wait := time.Since(i.at)
		begun := b.CPU()
		b.Burn(p.prices.of(&i.bill) + i.idle)
		burned := b.CPU() - begun
		worked := time.Duration(0)
		if i.work != nil {
			i.work()
			worked = b.CPU() - begun - burned
		}
		i.then()
		p.done(l, Use{Counts: i.bill, Idle: i.idle, Burned: burned, Worked: worked, Passed: 1, Waited: wait})
	}
}

// take waits for a piece; false at the end.
func (p *Pool) take() (l *Lane, i item, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.ready) == 0 && !p.closed {
		p.arrived.Wait()
	}
	if p.closed {
		return nil, i, false
	}
	l = p.ready[0]
	p.ready[0] = nil
	p.ready = p.ready[1:]
	p.idle.change(+1, time.Now())
	return l, l.items[0], true
}

// done books a piece and makes the lane's next one ready.
func (p *Pool) done(l *Lane, u Use) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle.change(-1, time.Now())
	p.use.add(u)
	l.items[0] = item{}
	if l.items = l.items[1:]; len(l.items) > 0 {
		p.enqueueLocked(l)
	}
}
