package world

import "math/rand/v2"

// newRand is the random source of one entity. It depends on the run's seed and the entity
// alone, so a decision of one entity never shifts those of another.
func newRand(seed uint64, e Entity) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(e.Kind)<<32|uint64(uint32(e.Index))))
}

// between draws evenly from lo..hi, both included: the rnd{lo..hi} of the rules
// (bench/docs/rules.md).
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// coin falls on either side with equal probability.
func coin(r *rand.Rand) bool { return r.IntN(2) == 0 }
