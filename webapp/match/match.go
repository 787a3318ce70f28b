// Package match solves the assignment problem: given what it costs to send each chair to
// each ride, pair them up so that as many as possible are paired, and of all such
// pairings take one that costs the least in sum.
//
// Costs are integers and the answer is exact. Workspace is the solver to use; Hungarian
// wraps a published approximate one for comparison. Both take the matrix as one flat
// slice and have the same Solve method, so that a caller can hold either through an
// interface of its own.
//
// What a pair costs, how often a round is solved and what becomes of the pairs is the
// business of dispatch. Nothing here knows rides, chairs, time or locks.
package match

import (
	"fmt"
	"math"
)

// Forbidden is the cost of a pair that must not be made. Every other int32 is a cost.
const Forbidden = math.MaxInt32

// maxSide is a limit on rows and columns under which sums of costs stay far within int64
// and positions within int32.
const maxSide = 1 << 28

// checkShape panics unless cost and assign fit a matrix of rows x cols: a mistake of the
// caller that would otherwise pair the wrong entities.
func checkShape(rows, cols int, cost, assign []int32) {
	if rows < 0 || cols < 0 || rows > maxSide || cols > maxSide || len(cost) != rows*cols || len(assign) != rows {
		panic(fmt.Sprintf("BUG: match: a %d x %d problem came with %d costs and room for %d answers",
			rows, cols, len(cost), len(assign)))
	}
}

// sumPairs returns the cost of the pairs in assign.
func sumPairs(cols int, cost, assign []int32) (total int64) {
	for r, c := range assign {
		if c >= 0 {
			total += int64(cost[r*cols+int(c)])
		}
	}
	return total
}
