package main

import (
	"math"
	"time"
)

// A rule changes the policy from round to round by what a server can see: looks for chairs, and
// rides. Those here were tried and are not in use, see docs/dispatch.md of the server.
type rule struct {
	// Target is a share of wasted looks. The reserve grows while more are wasted, and
	// shrinks while fewer are.
	Target float64
	// Patience makes the rest longer by so many times the share of wasted looks.
	Patience float64
	// Price is the value of the first visible chair where all looks are wasted, in thousandths of
	// a tick. Each further one is worth visible times as much.
	Price float64
	// Scarce scales CarryWeight by the share of rides among rides and chairs, up to twice it.
	Scarce float64
}

// visible is the probability that a look does not reach one chair anywhere in its town.
const visible = 0.7

// demand is what happened in a region.
type demand struct{ looks, futile, orders float64 }

// wasted is the share of looks that found nothing and that no order followed.
func (d demand) wasted() float64 {
	if d.looks == 0 {
		return 0
	}
	return max(min(d.futile, d.looks-d.orders), 0) / d.looks
}

// fade lets the past weigh less, by half each second.
func (d *demand) fade(seconds float64) {
	f := math.Pow(0.5, seconds)
	d.looks, d.futile, d.orders = d.looks*f, d.futile*f, d.orders*f
}

// adjust is called before each round of a region.
func (r rule) adjust(m *matcher) {
	if r == (rule{}) {
		return
	}
	now := m.server.loop.Now()
	d := &m.server.demand[m.number]
	d.fade(ms(now-m.adjusted) / 1000)
	m.adjusted = now
	p, wasted := m.params, d.wasted()
	if r.Target > 0 {
		if wasted > r.Target {
			m.reserve = min(m.reserve*1.1+0.2, maxReserve)
		} else {
			m.reserve *= 0.95
		}
		p.RidesPerReserve, p.MaxReserve = 1, int(m.reserve)
	}
	if r.Patience > 0 {
		p.Cadence += time.Duration(min(r.Patience*wasted, 2) * float64(p.Cadence))
	}
	if r.Price > 0 {
		p.MaxReserve = 0
		m.solver.price = r.Price * wasted
	}
	if r.Scarce > 0 {
		rides, chairs := float64(len(m.region.Waiting(nil))), float64(len(m.region.Free(nil)))
		p.CarryWeight = int(min(r.Scarce*rides/max(rides+chairs, 1), 1) * float64(p.CarryWeight))
	}
	m.dispatcher.Set(p)
}

// maxReserve bounds what Target makes of the reserve.
const maxReserve = 60

// withDummies adds rows for chairs that stay visible, the first of which are worth most.
func (p *pricedSolver) withDummies(rows, cols int, cost, assign []int32) int64 {
	n := 0
	p.cost = append(p.cost[:0], cost...)
	for worth := p.price; worth > 100 && n < cols/2; worth *= visible {
		n++
		for range cols {
			p.cost = append(p.cost, -int32(min(worth, dispatchMax)))
		}
	}
	p.assign = append(p.assign[:0], make([]int32, rows+n)...)
	total := p.Workspace.Solve(rows+n, cols, p.cost, p.assign)
	copy(assign, p.assign[:rows])
	return total
}

// dispatchMax keeps prices within a class of rides.
const dispatchMax = 1 << 26
