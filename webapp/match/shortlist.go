package match

import (
	"math"
	"slices"
)

// The shape of a shortlist, found by trial on random and geometric costs of 1000 x 1000
// and 200 x 4000. Shorter lists make searches read whole rows more often, longer ones
// take longer to build; the time is much the same from 12 to 40 candidates.
const (
	maxCandidates = 16
	rowParts      = 32 // at most; a row is cut into parts to find a threshold for its candidates
	wantedParts   = 10 // parts that shall hold a candidate; gives about 12 candidates on random costs
)

// A candidate is a column that a row may want. rank is its net cost when it was listed;
// net costs never fall, so it is a lower bound ever after.
type candidate struct {
	rank int64
	col  int32
	cost int32
}

// A shortlist holds the best columns of one row, by rank. The allowed columns that it
// lacks all have a net cost of at least rest, which is MaxInt64 if it lacks none.
type shortlist struct {
	candidates []candidate // a window of shortlists.arena
	rest       int64
}

// shortlists are the lists of all rows.
type shortlists struct {
	of    []shortlist
	arena []candidate
}

// reset makes room for a list for each row.
func (s *shortlists) reset(rows int) {
	s.of = resize(s.of, rows)
	s.arena = resize(s.arena, rows*maxCandidates)
	for r := range s.of {
		window := s.arena[r*maxCandidates:][:0:maxCandidates]
		s.of[r] = shortlist{candidates: window}
	}
}

// shortlist builds the list of row r by the present potentials. Afterwards rest is no
// less than any rank in the list.
func (w *Workspace) shortlist(r int32) {
	list := &w.lists.of[r]
	row, v := w.row(r), w.v
	width := (len(row) + rowParts - 1) / rowParts
	var space [rowParts]int64
	minima := partMinima(space[:0], row, v, width)
	limit := candidateLimit(minima)
	best := list.candidates[:0]
	for part, least := range minima {
		if least <= limit {
			low := part * width
			high := min(low+width, len(row))
			best = pick(best, row[low:high], v[low:high], int32(low), limit)
		}
	}
	list.candidates = best
	switch {
	case len(best) == maxCandidates:
		list.rest = best[maxCandidates-1].rank // what found no room does not rank before the last
	case limit == math.MaxInt64:
		list.rest = math.MaxInt64
	default:
		list.rest = limit + 1
	}
}

// partMinima appends the least net cost of each part of a row. Forbidden entries count
// like any other, which is faster and leaves the minima lower bounds.
func partMinima(minima []int64, row []int32, v []int64, width int) []int64 {
	for low := 0; low < len(row); low += width {
		high := min(low+width, len(row))
		minima = append(minima, leastNet(row[low:high], v[low:high]))
	}
	return minima
}

// leastNet returns the least net cost. It keeps two minima so that one comparison need
// not wait for the other.
func leastNet(row []int32, v []int64) int64 {
	v = v[:len(row)]
	even, odd := int64(math.MaxInt64), int64(math.MaxInt64)
	j := 0
	for ; j+1 < len(row); j += 2 {
		even = min(even, int64(row[j])-v[j])
		odd = min(odd, int64(row[j+1])-v[j+1])
	}
	if j < len(row) {
		even = min(even, int64(row[j])-v[j])
	}
	return min(even, odd)
}

// candidateLimit returns the greatest net cost for a candidate, the wantedParts-th of the
// minima. If the row is short, or if that may be the net cost of a forbidden entry, it
// returns MaxInt64: all entries are looked at. So there is a candidate unless all of the
// row is forbidden.
func candidateLimit(minima []int64) int64 {
	if len(minima) < wantedParts {
		return math.MaxInt64
	}
	var space [rowParts]int64
	ordered := append(space[:0], minima...)
	slices.Sort(ordered)
	limit := ordered[wantedParts-1]
	if limit >= Forbidden {
		return math.MaxInt64
	}
	return limit
}

// pick inserts the entries of a part that do not exceed the limit. low is the column that
// the part begins with.
func pick(best []candidate, row []int32, v []int64, low int32, limit int64) []candidate {
	v = v[:len(row)]
	limit = beforeLast(best, limit)
	for j, cost := range row {
		net := int64(cost) - v[j]
		if net > limit || cost == Forbidden {
			continue
		}
		best = insert(best, candidate{rank: net, col: low + int32(j), cost: cost})
		limit = beforeLast(best, limit)
	}
	return best
}

// beforeLast lowers the limit for a full list, so that only what ranks before its last
// candidate is let in.
func beforeLast(best []candidate, limit int64) int64 {
	if len(best) < maxCandidates {
		return limit
	}
	return min(limit, best[maxCandidates-1].rank-1)
}

// insert puts c after its equals. If there is no room it drops the last candidate, which
// must rank after c.
func insert(best []candidate, c candidate) []candidate {
	if len(best) < maxCandidates {
		best = append(best, c)
	}
	i := len(best) - 1
	for ; i > 0 && best[i-1].rank > c.rank; i-- {
		best[i] = best[i-1]
	}
	best[i] = c
	return best
}
