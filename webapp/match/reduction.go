package match

// How long the reduction tries, found by trial. On random costs of 1000 x 1000 it takes
// 14 steps per row and leaves one row in a hundred free; a third pass settles hardly any.
// A limit is needed, as rows can outbid each other in steps of 1 for as long as costs
// differ.
const (
	reductionPasses = 2
	reductionSteps  = 16 // per row, over all passes
)

// reduceRows settles most rows by augmenting row reduction (Jonker and Volgenant, 1987):
// each free row takes its best column, even from another row, and lowers the column's
// potential to the point where its second best is as good. What stays in w.free needs a
// search.
func (w *Workspace) reduceRows() {
	steps := reductionSteps * w.rows
	for range reductionPasses {
		waiting := w.free
		w.free = w.free[:0] // a chain leaves at most one row free, so this never overtakes the reading of waiting
		for _, r := range waiting {
			for ; r >= 0 && steps > 0; steps-- {
				r = w.bid(r)
			}
			if r >= 0 {
				w.free = append(w.free, r)
			}
		}
	}
}

// bid settles row r. It returns the row that thereby became free and has something to
// gain by bidding at once, or -1. A row that lost its column to an equal bid is put off
// to the next pass instead, or the two would take turns forever.
func (w *Workspace) bid(r int32) (loser int32) {
	first, second := w.bestTwo(r)
	w.u[r] = second.net
	if first.col < 0 {
		return -1 // alone at aloneCost
	}
	if first.net < second.net {
		w.v[first.col] -= second.net - first.net
		return w.take(r, first.col)
	}
	j := first.col
	if w.rowOf[j] >= 0 && second.col >= 0 {
		j = second.col
	}
	if put := w.take(r, j); put >= 0 {
		w.free = append(w.free, put)
	}
	return -1
}

// take assigns column j to the free row r and returns the row that had it, now free, or
// -1.
func (w *Workspace) take(r, j int32) (loser int32) {
	loser = w.rowOf[j]
	if loser >= 0 {
		w.colOf[loser] = -1
	}
	w.colOf[r], w.rowOf[j] = j, r
	return loser
}

// An offer is a column and its net cost; col is -1 for staying alone and for a column
// that is not known.
type offer struct {
	net int64
	col int32
}

// bestTwo returns the best offer to row r and a lower bound on all others, with its
// column if it is one. Staying alone is an offer too.
func (w *Workspace) bestTwo(r int32) (first, second offer) {
	list := &w.lists.of[r]
	first, second = w.bestListed(r)
	if list.rest < first.net {
		w.shortlist(r)
		first, second = w.bestListed(r)
	}
	if list.rest < second.net {
		second = offer{list.rest, -1}
	}
	return first, second
}

// bestListed is bestTwo for the columns in the shortlist.
func (w *Workspace) bestListed(r int32) (first, second offer) {
	alone := offer{w.aloneCost, -1}
	first, second = alone, alone
	for _, c := range w.lists.of[r].candidates {
		if c.rank >= second.net {
			break
		}
		switch net := int64(c.cost) - w.v[c.col]; {
		case net < first.net:
			first, second = offer{net, c.col}, first
		case net < second.net:
			second = offer{net, c.col}
		}
	}
	return first, second
}
