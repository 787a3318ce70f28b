package acceptance

import (
	"sync"

	"isuride/webapp/servertest"
)

// each runs n calls at once and returns how often each status came.
func each(p *servertest.Process, n int, call func(i int) (servertest.Reply, error)) map[int]int {
	p.T.Helper()
	replies := make([]servertest.Reply, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { replies[i], errs[i] = call(i) })
	}
	wg.Wait()
	counts := map[int]int{}
	for i := range n {
		if errs[i] != nil {
			p.T.Fatal(errs[i])
		}
		counts[replies[i].Status]++
	}
	return counts
}
