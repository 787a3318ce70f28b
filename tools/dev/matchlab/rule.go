package main

import (
	"math"
	"time"

	"isuride/webapp/state"
)

// A rule changes the policy from round to round. Those here were tried and
// rejected, see docs/dispatch.md of the server.
type rule struct {
	// Patience makes the rest longer by so many times the share of wasted looks.
	Patience float64
	// Price has no reserve, but pays for chairs that stay visible: the value of the first one
	// where all looks are wasted, in thousandths of a tick. Each further one is worth less.
	Price float64
}

// adjust is called before each round of a region.
func (m *matcher) adjust(now float64) {
	r, p := &m.rule, m.params
	if *r == (rule{}) {
		return
	}
	wasted := m.looks.wasted(now, m.region.Demand())
	p.Cadence += time.Duration(min(r.Patience*wasted, 2) * float64(p.Cadence))
	if r.Price > 0 {
		p.MaxReserve = 0
		m.solver.price = r.Price * wasted
	}
	m.dispatcher.Set(p)
}

// looks are those of a region; the past loses half its weight each second.
type looks struct {
	seen              state.Demand
	at                float64 // s
	all, futile, paid float64
}

// wasted is the share of looks that showed nothing and that no order followed.
func (l *looks) wasted(now float64, d state.Demand) float64 {
	past := math.Pow(0.5, now-l.at)
	l.futile = l.futile*past + float64(d.Futile-l.seen.Futile)
	l.all = l.all*past + float64(d.Found-l.seen.Found+d.Futile-l.seen.Futile)
	l.paid = l.paid*past + float64(d.Orders-l.seen.Orders)
	l.seen, l.at = d, now
	return max(min(l.futile, l.all-l.paid), 0) / max(l.all, 1)
}

const (
	// visible is the probability that a look does not reach one chair anywhere in its town.
	visible = 0.7
	// minPrice is what nobody misses, and maxPrice stays within a class of rides.
	minPrice, maxPrice = 100, 1 << 26
)

// withDummies adds rows for chairs that stay visible, the first of which are worth most.
func (p *pricedSolver) withDummies(rows, cols int, cost, assign []int32) int64 {
	n := 0
	p.cost = append(p.cost[:0], cost...)
	for worth := p.price; worth > minPrice && n < cols/2; worth *= visible {
		n++
		for range cols {
			p.cost = append(p.cost, -int32(min(worth, maxPrice)))
		}
	}
	p.assign = append(p.assign[:0], make([]int32, rows+n)...)
	total := p.Workspace.Solve(rows+n, cols, p.cost, p.assign)
	copy(assign, p.assign[:rows])
	return total
}
