package match

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestHungarian holds the wrapper to valid pairs, and to as many as possible if none is
// forbidden. How good they are is the library's matter, but they cannot be better than
// the optimum.
func TestHungarian(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 9))
	var h Hungarian
	for rows := range 9 {
		for cols := range 9 {
			for _, k := range kinds() {
				p := k.make(rng, rows, cols)
				assign := make([]int32, rows)
				total := h.Solve(rows, cols, p.cost, assign)
				pairs, err := checkAssignment(p, assign, total)
				if err != nil {
					t.Fatalf("%s, %d x %d: %v", k.name, rows, cols, err)
				}
				best, optimum := textbook(p)
				if pairs > best || pairs == best && total < optimum {
					t.Fatalf("%s, %d x %d: %d pairs for %d, better than %d for %d", k.name, rows, cols, pairs, total, best, optimum)
				}
				if !slices.Contains(p.cost, Forbidden) && pairs != best {
					t.Fatalf("%s, %d x %d: %d pairs, want %d", k.name, rows, cols, pairs, best)
				}
			}
		}
	}
}
