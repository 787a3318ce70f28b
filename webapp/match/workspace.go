package match

// Workspace is the exact solver with its scratch memory. The zero value is ready. It may
// be used again for problems of any size, allocates only to grow, keeps no reference to
// the caller's slices, and must not be used by two goroutines at once.
//
// Goal: the cheapest assignment of a dense rectangular matrix while reading most of its
// entries only once.
//
// The shorter side are the rows from here on; the matrix is transposed if need be. Row r
// has a potential u[r], column j a potential v[j]. A row may also stay alone, for
// aloneCost, which no saving on other pairs can outweigh; that puts the number of pairs
// first. At any time:
//
//  1. u[r] + v[j] <= cost[r][j] for every settled row r and allowed pair (r, j), and u[r]
//     <= aloneCost;
//  2. a pair in the assignment is tight, u[r] + v[j] == cost[r][j], and a row settled as
//     alone has u[r] == aloneCost;
//  3. v[j] never rises, and is 0 for as long as column j is free.
//
// Once every row is settled these are the optimality conditions of the linear program, so
// the assignment is optimal. The tests check them entry by entry.
//
// Outline: one pass over the matrix keeps for each row a shortlist of its best columns
// and a lower bound on all others (shortlist.go). Augmenting row reduction settles most
// rows by looking at shortlists alone (reduction.go). Each remaining row is settled by a
// shortest augmenting path (search.go). Net costs, cost[r][j] - v[j], never fall because
// of 3, so a bound once computed stays true, and a whole row is read again only if a
// search gets as far as its bound.
//
// Rejected: searching over all columns always, see the yardstick in README.md. Reducing
// columns before rows, and solving for scaled-down costs first: both leave free columns
// with a potential below 0, against 3, when columns outnumber rows. Growing trees from
// all free rows at once: saves under a third of the rows read on the hardest inputs, for
// a second copy of the matrix and much code.
type Workspace struct {
	rows, cols int     // rows <= cols
	cost       []int32 // row-major; the caller's matrix or turned; nil between calls
	turned     []int32 // transposed copy, for callers with more rows than columns
	aloneCost  int64

	u, v  []int64
	colOf []int32 // per row; -1 if free or alone
	rowOf []int32 // per column; -1 if free
	free  []int32 // rows to be settled

	lists  shortlists
	search search
}

// Solve assigns each of rows rows to at most one of cols columns and the other way round:
// as many allowed pairs as possible, and of all such assignments one with the least total
// cost. cost is row-major; an entry is Forbidden or any other int32. assign[r] becomes
// the column of row r, or -1 if it has none. Solve returns the total cost of the pairs.
// Equal input gives equal output. It panics if the lengths do not fit, or if a side has
// more than 1<<28 members.
func (w *Workspace) Solve(rows, cols int, cost []int32, assign []int32) (total int64) {
	checkShape(rows, cols, cost, assign)
	w.load(rows, cols, cost)
	for r := range int32(w.rows) {
		w.shortlist(r)
	}
	w.reduceRows()
	for _, r := range w.free {
		w.augment(r)
	}
	if rows > cols {
		copy(assign, w.rowOf)
	} else {
		copy(assign, w.colOf)
	}
	w.cost = nil
	return sumPairs(cols, cost, assign)
}

// load takes over the problem, with the shorter side as rows and nothing assigned.
func (w *Workspace) load(rows, cols int, cost []int32) {
	if rows > cols {
		w.turned = resize(w.turned, len(cost))
		transpose(w.turned, cost, rows, cols)
		rows, cols, cost = cols, rows, w.turned
	}
	w.rows, w.cols, w.cost = rows, cols, cost
	w.aloneCost = int64(rows+1) << 32 // more than 2*rows costs can differ by
	w.u = resize(w.u, rows)
	w.v = resize(w.v, cols)
	w.colOf = resize(w.colOf, rows)
	w.rowOf = resize(w.rowOf, cols)
	clear(w.v)
	fill(w.colOf, -1)
	fill(w.rowOf, -1)
	w.free = resize(w.free, rows)
	for r := range w.free {
		w.free[r] = int32(r)
	}
	w.lists.reset(rows)
	w.search.reset(rows, cols)
}

// row returns the costs of row r.
func (w *Workspace) row(r int32) []int32 {
	return w.cost[int(r)*w.cols:][:w.cols]
}
