package match

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkHungarian gives the time of go-hungarian and, as x-optimum, how many times the
// least cost its answers cost: on random costs below 1,000,000, the mean of ten problems.
func BenchmarkHungarian(b *testing.B) {
	for _, side := range []int{5, 10, 20, 50, 100, 200} {
		b.Run(fmt.Sprintf("%dx%d", side, side), func(b *testing.B) {
			const problems = 10
			rng := rand.New(rand.NewPCG(1, 2))
			ps, optimum := make([]problem, problems), make([]int64, problems)
			for i := range ps {
				ps[i] = randomProblem(rng, side, side)
				optimum[i] = new(Workspace).Solve(side, side, ps[i].cost, make([]int32, side))
			}
			var h Hungarian
			assign := make([]int32, side)
			ratio, solved := 0.0, 0
			for b.Loop() {
				i := solved % problems
				ratio += float64(h.Solve(side, side, ps[i].cost, assign)) / float64(optimum[i])
				solved++
			}
			b.ReportMetric(ratio/float64(solved), "x-optimum")
		})
	}
}
