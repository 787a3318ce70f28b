package remote

import (
	"errors"
	"iter"
	"strings"
	"sync"

	"isuride/tools/ops/fleet/topology"
)

// OnAll does the same on several hosts at once, and returns what went wrong on each. do
// gets the place of the host in the list, for results.
func OnAll(hosts []topology.Host, do func(i int, h topology.Host) error) error {
	failures := make([]error, len(hosts))
	var wg sync.WaitGroup
	for i, h := range hosts {
		wg.Go(func() { failures[i] = do(i, h) })
	}
	wg.Wait()
	return errors.Join(failures...)
}

// Answers reads what our scripts print: lines of a key, a space and a value. A key may
// come several times; lines without a space are no answers.
func Answers(text string) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for line := range strings.SplitSeq(text, "\n") {
			if key, value, ok := strings.Cut(line, " "); ok && !yield(key, value) {
				return
			}
		}
	}
}
