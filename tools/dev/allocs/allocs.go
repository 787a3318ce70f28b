// Package allocs counts what a function allocates, for tests. It leaves to the tests what is too much, and which
// functions forget what they keep under the race detector.
package allocs

import (
	"math"
	"testing"
)

// PerRun is the average number of allocations of f, which testing.AllocsPerRun counts in the whole process:
// what goroutines of other tests allocate meanwhile is among them. So it counts several times and returns the
// least. What f itself allocates is in each.
//
// It calls f up to ten times as often as runs says, and once more each time. It panics in a parallel test.
func PerRun(runs int, f func()) float64 {
	least := math.Inf(1)
	for range 10 {
		if least = min(least, testing.AllocsPerRun(runs, f)); least == 0 {
			break
		}
	}
	return least
}
