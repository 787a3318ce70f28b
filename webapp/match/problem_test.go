package match

import (
	"math/rand/v2"
)

// problem is a cost matrix as Solve takes it.
type problem struct {
	rows, cols int
	cost       []int32
}

func newProblem(rows, cols int, cost func(r, c int) int32) problem {
	p := problem{rows, cols, make([]int32, 0, rows*cols)}
	for r := range rows {
		for c := range cols {
			p.cost = append(p.cost, cost(r, c))
		}
	}
	return p
}

// transposed returns p with rows and columns exchanged.
func (p problem) transposed() problem {
	return newProblem(p.cols, p.rows, func(r, c int) int32 { return p.cost[c*p.cols+r] })
}

// A kind makes problems of a sort.
type kind struct {
	name string
	make func(rng *rand.Rand, rows, cols int) problem
}

func kinds() []kind {
	return []kind{
		{"random", randomProblem},
		{"ties", func(rng *rand.Rand, rows, cols int) problem { return uniform(rng, rows, cols, 0, 4) }},
		{"equal", func(rng *rand.Rand, rows, cols int) problem { return uniform(rng, rows, cols, 7, 1) }},
		{"negative", func(rng *rand.Rand, rows, cols int) problem { return uniform(rng, rows, cols, -500, 1000) }},
		{"extreme", extremeProblem},
		{"geometric", geometricProblem},
		{"crowded", crowdedProblem},
		{"fleet", fleetProblem},
		{"product", productProblem},
		{"sparse", func(rng *rand.Rand, rows, cols int) problem {
			return sprinkle(rng, randomProblem(rng, rows, cols), 0.9)
		}},
		{"blocked", blockedProblem},
		{"forbidden", func(rng *rand.Rand, rows, cols int) problem { return sprinkle(rng, randomProblem(rng, rows, cols), 1) }},
	}
}

func uniform(rng *rand.Rand, rows, cols int, low, width int32) problem {
	return newProblem(rows, cols, func(int, int) int32 { return low + rng.Int32N(width) })
}

func randomProblem(rng *rand.Rand, rows, cols int) problem {
	return uniform(rng, rows, cols, 0, 1_000_000)
}

// extremeProblem mixes the least and the greatest cost there is.
func extremeProblem(rng *rand.Rand, rows, cols int) problem {
	values := []int32{-1 << 31, -1<<31 + 1, 0, Forbidden - 2, Forbidden - 1}
	return newProblem(rows, cols, func(int, int) int32 { return values[rng.IntN(len(values))] })
}

// geometricProblem is distances between points in a square of side 300, the size of a
// region.
func geometricProblem(rng *rand.Rand, rows, cols int) problem {
	return distances(points(rng, rows, 300), points(rng, cols, 300))
}

// crowdedProblem has its rows in the middle of the columns, so that paths lead outwards
// over many rows: the hardest kind.
func crowdedProblem(rng *rand.Rand, rows, cols int) problem {
	return distances(points(rng, rows, 100), points(rng, cols, 300))
}

// fleetProblem is like a round of dispatch: the time to the pickup, and the time that a
// fast chair saves on the ride itself, in thousandths of a tick. All rows want the same
// few fast columns.
func fleetProblem(rng *rand.Rand, rows, cols int) problem {
	speeds := []int32{2, 2, 2, 3, 3, 5, 7}
	const meanSpeed = 3
	p := geometricProblem(rng, rows, cols)
	for r := range rows {
		carry := 10 + rng.Int32N(300)
		for c := range cols {
			speed := speeds[c%len(speeds)]
			pickup := p.cost[r*cols+c]
			p.cost[r*cols+c] = 1000*(pickup+carry)/speed - 1000*carry/meanSpeed
		}
	}
	return p
}

// productProblem is hard for solvers that look at the best few columns of each row: they
// are the same for all.
func productProblem(_ *rand.Rand, rows, cols int) problem {
	return newProblem(rows, cols, func(r, c int) int32 { return int32((r + 1) * (c + 1)) })
}

// blockedProblem has a third of the rows compete for a few columns, all else being
// forbidden to them.
func blockedProblem(rng *rand.Rand, rows, cols int) problem {
	return newProblem(rows, cols, func(r, c int) int32 {
		if r%3 == 0 && c > cols/8 {
			return Forbidden
		}
		return rng.Int32N(1000)
	})
}

// sprinkle forbids a share of the pairs.
func sprinkle(rng *rand.Rand, p problem, share float64) problem {
	for i := range p.cost {
		if rng.Float64() < share {
			p.cost[i] = Forbidden
		}
	}
	return p
}

type point struct{ x, y int32 }

// points are spread evenly over a square around the origin.
func points(rng *rand.Rand, n int, side int32) []point {
	ps := make([]point, n)
	for i := range ps {
		ps[i] = point{rng.Int32N(side) - side/2, rng.Int32N(side) - side/2}
	}
	return ps
}

// distances are Manhattan distances.
func distances(from, to []point) problem {
	return newProblem(len(from), len(to), func(r, c int) int32 {
		return abs(from[r].x-to[c].x) + abs(from[r].y-to[c].y)
	})
}

func abs(x int32) int32 {
	return max(x, -x)
}
