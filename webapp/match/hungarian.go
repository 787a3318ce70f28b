package match

import hungarian "github.com/arthurkushman/go-hungarian"

// hungarianMinSide is the least size at which go-hungarian pairs anything.
const hungarianMinSide = 3

// Hungarian solves with github.com/arthurkushman/go-hungarian, for comparison only: the
// answers are far from optimal, differ from call to call, and take seconds from 200
// members on; README.md has figures. The library takes square matrices and knows no
// forbidden pairs. So the matrix is padded, and rows that it gives a padding or a
// forbidden column take the cheapest column left, in order. The zero value is ready; one
// goroutine at a time may use it.
type Hungarian struct {
	matrix [][]float64
	taken  []bool // per column
}

// Solve has the parameters and results of Workspace.Solve. All rows or all columns are
// paired if no pair is forbidden; the total returns the cost of the pairs, which need not
// be the least.
func (h *Hungarian) Solve(rows, cols int, cost []int32, assign []int32) (total int64) {
	checkShape(rows, cols, cost, assign)
	h.load(rows, cols, cost)
	fill(assign, -1)
	for r, cells := range hungarian.SolveMin(h.matrix) {
		for c := range cells {
			if r < rows && c < cols && cost[r*cols+c] != Forbidden && !h.taken[c] {
				assign[r] = int32(c)
				h.taken[c] = true
				break
			}
		}
	}
	for r := range assign {
		if assign[r] < 0 {
			assign[r] = h.cheapestLeft(cost[r*cols:][:cols])
		}
	}
	return sumPairs(cols, cost, assign)
}

// cheapestLeft takes the cheapest column left in a row, or none and returns -1.
func (h *Hungarian) cheapestLeft(row []int32) int32 {
	best, at := int32(Forbidden), int32(-1)
	for c, x := range row {
		if x < best && !h.taken[c] {
			best, at = x, int32(c)
		}
	}
	if at >= 0 {
		h.taken[at] = true
	}
	return at
}

// load copies the matrix into a square one. Padding costs as much as a forbidden pair,
// more than any other.
func (h *Hungarian) load(rows, cols int, cost []int32) {
	side := max(rows, cols, hungarianMinSide)
	h.taken = resize(h.taken, cols)
	clear(h.taken)
	h.matrix = resize(h.matrix, side)
	for r := range h.matrix {
		h.matrix[r] = resize(h.matrix[r], side)
		fill(h.matrix[r], Forbidden)
		if r < rows {
			for c, x := range cost[r*cols:][:cols] {
				h.matrix[r][c] = float64(x)
			}
		}
	}
}
