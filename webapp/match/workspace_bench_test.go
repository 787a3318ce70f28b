package match

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// BenchmarkWorkspace solves with a warm workspace.
func BenchmarkWorkspace(b *testing.B) {
	bench(b, func(p problem) func() {
		w, assign := new(Workspace), make([]int32, p.rows)
		w.Solve(p.rows, p.cols, p.cost, assign)
		return func() { w.Solve(p.rows, p.cols, p.cost, assign) }
	})
}

// BenchmarkTextbook is the yardstick: the textbook algorithm on the same problems.
func BenchmarkTextbook(b *testing.B) {
	bench(b, func(p problem) func() {
		return func() { textbook(p) }
	})
}

func bench(b *testing.B, prepare func(problem) func()) {
	sizes := [][2]int{{1000, 1000}, {800, 1000}, {200, 4000}, {4000, 200}, {30, 300}, {10, 50}}
	for _, size := range sizes {
		for _, k := range kinds() {
			if !slices.Contains([]string{"random", "geometric", "fleet", "crowded"}, k.name) {
				continue
			}
			solve := prepare(k.make(rand.New(rand.NewPCG(1, 2)), size[0], size[1]))
			b.Run(fmt.Sprintf("%dx%d/%s", size[0], size[1], k.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					solve()
				}
			})
		}
	}
}
