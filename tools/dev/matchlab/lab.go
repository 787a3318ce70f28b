package main

import (
	"math/rand/v2"
	"sync"

	"isuride/bench/payment"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// A lab runs every policy with every seed under equal conditions.
type lab struct {
	load   world.Instant
	regime regime
	first  uint64 // seed
	seeds  uint64
	atOnce int
}

// A trial is one policy with its runs, by seed.
type trial struct {
	Policy string
	Runs   []figures
}

// try runs all policies. The runs are independent.
func (l *lab) try(policies []policy) []trial {
	trials := make([]trial, len(policies))
	var all sync.WaitGroup
	slots := make(chan struct{}, l.atOnce)
	for i, p := range policies {
		trials[i] = trial{p.name, make([]figures, l.seeds)}
		for seed := range l.seeds {
			all.Go(func() {
				slots <- struct{}{}
				trials[i].Runs[seed] = l.run(p, l.first+seed)
				<-slots
			})
		}
	}
	all.Wait()
	return trials
}

// run makes one run of one policy.
func (l *lab) run(p policy, seed uint64) figures {
	var s *server
	w := l.regime.world
	w.Seed = seed
	if l.regime.tool {
		random := rand.New(rand.NewPCG(seed, 1))
		w.Missed = func() bool { return s.missed(random) }
	}
	r, err := virtual.Run(virtual.Config{World: w, Load: l.load},
		func(loop *virtual.Loop, core *payment.Core) world.Clients {
			s = newServer(loop, core, newMachine(loop, l.regime.cores, l.regime.costs), p)
			s.reused = l.regime.reused
			return s
		})
	if err != nil {
		panic(err) // the lab's server refuses nobody
	}
	return figuresOf(seed, r, s.course)
}
