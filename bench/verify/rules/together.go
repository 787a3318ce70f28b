package rules

import (
	"sync"

	"isuride/bench/verify/probe"
)

// together makes n calls at the same time.
func together(n int, call func(i int) *probe.Answer) []*probe.Answer {
	all := make([]*probe.Answer, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { all[i] = call(i) })
	}
	wg.Wait()
	return all
}

func count(all []*probe.Answer, is func(*probe.Answer) bool) int {
	n := 0
	for _, w := range all {
		if is(w) {
			n++
		}
	}
	return n
}

func shownAll(all []*probe.Answer) []evidence {
	var shown []evidence
	for _, w := range all {
		shown = append(shown, w)
	}
	return shown
}
