package match

import "math"

// textbook is the plain twin of Workspace: one shortest path for each member of the
// shorter side over all columns, in time rows^2 * cols. A row may also take a column of
// its own at a price that is paid only if there is no other way; that makes it stay
// alone.
func textbook(p problem) (pairs int, total int64) {
	if p.rows > p.cols {
		p = p.transposed()
	}
	cols, alone := p.cols+p.rows, int64(p.rows+1)<<32
	cost := func(r, c int) int64 {
		switch {
		case c == p.cols+r:
			return alone
		case c >= p.cols || p.cost[r*p.cols+c] == Forbidden:
			return math.MaxInt64 / 2
		}
		return int64(p.cost[r*p.cols+c])
	}
	u, v := make([]int64, p.rows), make([]int64, cols+1)
	rowOf, from := make([]int, cols+1), make([]int, cols+1)
	dist, done := make([]int64, cols), make([]bool, cols+1)
	for c := range rowOf {
		rowOf[c] = -1
	}
	for r := range p.rows {
		clear(done)
		for c := range dist {
			dist[c] = math.MaxInt64
		}
		at := cols // a place for the row that is to be settled
		rowOf[at] = r
		for rowOf[at] >= 0 {
			done[at] = true
			step, nearest := int64(math.MaxInt64), -1
			for c := range dist {
				if done[c] {
					continue
				}
				if d := cost(rowOf[at], c) - u[rowOf[at]] - v[c]; d < dist[c] {
					dist[c], from[c] = d, at
				}
				if dist[c] < step {
					step, nearest = dist[c], c
				}
			}
			for c := range done {
				if done[c] {
					u[rowOf[c]] += step
					v[c] -= step
				} else {
					dist[c] -= step
				}
			}
			at = nearest
		}
		for at != cols {
			rowOf[at] = rowOf[from[at]]
			at = from[at]
		}
		rowOf[cols] = -1
	}
	for c, r := range rowOf[:p.cols] {
		if r >= 0 {
			pairs++
			total += cost(r, c)
		}
	}
	return pairs, total
}
