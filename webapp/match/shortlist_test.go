package match

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestShortlist checks what searches rely on: the order, the bound on what is left out,
// and that a list is empty only if there is nothing to list.
func TestShortlist(t *testing.T) {
	rng := rand.New(rand.NewPCG(seed, 6))
	var w Workspace
	for n := range 100 {
		for _, k := range kinds() {
			p := k.make(rng, 1, 1+rng.IntN(400))
			w.load(p.rows, p.cols, p.cost)
			for j := range w.v {
				w.v[j] = -rng.Int64N(1 + int64(n)*1000)
			}
			w.shortlist(0)
			checkShortlist(t, &w, k.name)
		}
	}
}

func checkShortlist(t *testing.T, w *Workspace, name string) {
	t.Helper()
	list := w.lists.of[0]
	if !slices.IsSortedFunc(list.candidates, func(a, b candidate) int { return int(a.rank - b.rank) }) {
		t.Fatalf("%s: not in order: %v", name, list.candidates)
	}
	listed := make(map[int32]bool)
	for _, c := range list.candidates {
		listed[c.col] = true
		if c.cost != w.cost[c.col] || c.rank != int64(c.cost)-w.v[c.col] || c.rank > list.rest {
			t.Fatalf("%s: bad candidate %v, rest %d", name, c, list.rest)
		}
	}
	if len(listed) != len(list.candidates) {
		t.Fatalf("%s: a column is listed twice: %v", name, list.candidates)
	}
	for j, cost := range w.cost {
		if cost != Forbidden && !listed[int32(j)] && (int64(cost)-w.v[j] < list.rest || len(listed) == 0) {
			t.Fatalf("%s: column %d at %d is missing, rest %d", name, j, int64(cost)-w.v[j], list.rest)
		}
	}
}
