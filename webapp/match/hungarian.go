package match

import hungarian "github.com/arthurkushman/go-hungarian"

// hungarianMinSide is the least size at which go-hungarian reduces the matrix at all; below it returns no pairs.
const hungarianMinSide = 3

// Hungarian solves with github.com/arthurkushman/go-hungarian, for comparison only. The library takes square matrices, so the
// shorter side is padded. Its answers are complete but far from optimal, differ from call to call, and take seconds from 200
// members on; README.md has figures. A pair that it makes of forbidden members is dropped, so there may be fewer pairs than
// possible. The zero value is ready; one goroutine at a time may use it.
type Hungarian struct {
	matrix [][]float64
	taken  []bool // per column
}

// Solve has the parameters and results of Workspace.Solve, without its promises.
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
	return sumPairs(cols, cost, assign)
}

// load copies the matrix into a square one. Padding costs as much as a forbidden pair, more than any other.
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
