package verify

import "sync"

// together makes n calls at the same time.
func together(n int, call func(i int) *answer) []*answer {
	all := make([]*answer, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { all[i] = call(i) })
	}
	wg.Wait()
	return all
}

func count(all []*answer, is func(*answer) bool) int {
	n := 0
	for _, w := range all {
		if is(w) {
			n++
		}
	}
	return n
}

func shownAll(all []*answer) []evidence {
	var shown []evidence
	for _, w := range all {
		shown = append(shown, w)
	}
	return shown
}
