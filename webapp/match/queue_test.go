package match

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 7))
	var q queue
	var model []int64
	for range 2000 {
		if len(model) == 0 || rng.IntN(5) < 3 {
			at := rng.Int64N(50)
			q.push(event{at: at})
			model = append(model, at)
			continue
		}
		slices.Sort(model)
		if got := q.pop().at; got != model[0] {
			t.Fatalf("popped %d, want %d", got, model[0])
		}
		model = model[1:]
	}
}
