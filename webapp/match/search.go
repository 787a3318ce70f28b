package match

import "math"

// A search finds the shortest augmenting path of one free row, measured in net costs. The
// path ends in a free column, or in a row that gives up its column and stays alone.
//
// This is Dijkstra's algorithm with two savings. Nothing is looked at that lies beyond
// the shortest path found so far. And of a row only the shortlist is read at first; an
// event in the queue brings the search back to read the whole row if it gets as far as
// the rest of the row can be. Rejected: building a new shortlist then, which took as long
// as it saved.
type search struct {
	// The shortest path found so far.
	length int64
	endCol int32 // the free column it ends in, or -1 if it ends with endRow staying alone
	endRow int32

	base []int64 // per row visited: length of the path to it less its potential; a net cost more and one is at that column
	dist []int64 // per column: length of the shortest path known, MaxInt64 if none
	from []int32 // per column with a dist: the row before it on that path

	queue   queue
	reached []int32 // columns with a dist
	visited []int32 // columns whose row has been visited
}

// reset prepares for the first search in a problem.
func (s *search) reset(rows, cols int) {
	s.base = resize(s.base, rows)
	s.dist = resize(s.dist, cols)
	s.from = resize(s.from, cols)
	for j := range s.dist {
		s.dist[j] = math.MaxInt64
	}
}

// augment settles the free row start.
func (w *Workspace) augment(start int32) {
	s := &w.search
	s.length, s.endCol, s.endRow = w.aloneCost, -1, start
	w.visit(start, 0)
	for len(s.queue.events) > 0 {
		e := s.queue.pop()
		if e.at >= s.length {
			break
		}
		if e.id < 0 {
			w.readAll(^e.id)
		} else if e.at == s.dist[e.id] { // else a shorter way was found since
			s.visited = append(s.visited, e.id)
			r := w.rowOf[e.id]
			w.visit(r, e.at-w.u[r])
		}
	}
	w.shiftPotentials(start)
	w.shiftPairs()
	s.clear()
}

// visit starts reading a row.
func (w *Workspace) visit(r int32, base int64) {
	s := &w.search
	if alone := base + w.aloneCost; alone < s.length {
		s.length, s.endCol, s.endRow = alone, -1, r
	}
	s.base[r] = base
	w.readCandidates(r)
}

// readCandidates reads the shortlist of a row and notes when to read on.
func (w *Workspace) readCandidates(r int32) {
	s, list := &w.search, &w.lists.of[r]
	base := s.base[r]
	for _, c := range list.candidates {
		if base+c.rank >= s.length {
			return
		}
		if d := base + int64(c.cost) - w.v[c.col]; d < s.dist[c.col] && d < s.length {
			w.reach(r, c.col, d)
		}
	}
	if list.rest < s.length-base {
		s.queue.push(event{base + list.rest, ^r})
	}
}

// readAll reads all of a row. The minimum in the condition leaves one branch per entry,
// hardly ever taken: a third faster than two comparisons.
func (w *Workspace) readAll(r int32) {
	s := &w.search
	base := s.base[r]
	row := w.row(r)
	v, dist := w.v[:len(row)], s.dist[:len(row)]
	length := s.length
	for j, cost := range row {
		if d := base + int64(cost) - v[j]; d < min(dist[j], length) && cost != Forbidden {
			w.reach(r, int32(j), d)
			length = s.length
		}
	}
}

// reach notes a path of length d to column j over row r, shorter than any to j and any to
// an end.
func (w *Workspace) reach(r, j int32, d int64) {
	s := &w.search
	if s.dist[j] == math.MaxInt64 {
		s.reached = append(s.reached, j)
	}
	s.dist[j], s.from[j] = d, r
	if w.rowOf[j] < 0 {
		s.length, s.endCol = d, j
	} else {
		s.queue.push(event{d, j})
	}
}

// shiftPotentials makes the path tight and keeps all other net costs at or above the
// potential of their row.
func (w *Workspace) shiftPotentials(start int32) {
	s := &w.search
	w.u[start] = s.length
	for _, j := range s.visited {
		by := s.length - s.dist[j]
		w.v[j] -= by
		w.u[w.rowOf[j]] += by
	}
}

// shiftPairs moves each column on the path to the row before it.
func (w *Workspace) shiftPairs() {
	j := w.search.endCol
	if j < 0 {
		j = w.colOf[w.search.endRow]
		w.colOf[w.search.endRow] = -1
	}
	for j >= 0 {
		r := w.search.from[j]
		w.rowOf[j] = r
		j, w.colOf[r] = w.colOf[r], j
	}
}

// clear forgets the search.
func (s *search) clear() {
	for _, j := range s.reached {
		s.dist[j] = math.MaxInt64
	}
	s.queue.events = s.queue.events[:0]
	s.reached = s.reached[:0]
	s.visited = s.visited[:0]
}
