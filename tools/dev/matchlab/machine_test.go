package main

import (
	"slices"
	"testing"

	"isuride/bench/payment"
	"isuride/bench/virtual"
	"isuride/bench/world"
	"isuride/webapp/dispatch"
)

// Two cores serve three equal calls in two rounds, first come first served.
func TestMachineQueues(t *testing.T) {
	var ends []world.Instant
	virtual.Run(virtual.Config{Load: 3 * world.Second}, func(loop *virtual.Loop, core *payment.Core) world.Clients {
		m := newMachine(loop, [parties]int{2, 0}, costs{{workPosition: 100}})
		start := loop.Now()
		for range 3 {
			m.do(atServer, workPosition, taskFunc(func(now world.Instant) { ends = append(ends, now-start) }))
		}
		return newServer(loop, core, newMachine(loop, shared, our), policy{params: dispatch.DefaultParams()})
	})
	if !slices.Equal(ends, []world.Instant{100, 100, 200}) {
		t.Errorf("calls end at %v", ends)
	}
}

func TestScaledCosts(t *testing.T) {
	c := our.scaled(2)
	if c[atClient][workPosition] != 2*our[atClient][workPosition] || c[atServer][kinds-1] != 2*our[atServer][kinds-1] || our.scaled(1) != our {
		t.Errorf("%+v", c)
	}
}
