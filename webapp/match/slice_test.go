package match

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTranspose(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 8))
	for rows := range 20 {
		for cols := range 5 {
			p := randomProblem(rng, rows, cols)
			got := make([]int32, len(p.cost))
			transpose(got, p.cost, rows, cols)
			if want := p.transposed().cost; !slices.Equal(got, want) {
				t.Errorf("%d x %d: %v, want %v", rows, cols, got, want)
			}
		}
	}
}
