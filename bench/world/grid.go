package world

// cellSide makes a search within nearbyDistance look at 36 cells at most.
const cellSide = 25

// A cellKey is the place of a cell in the plane, counted in cells from the origin.
type cellKey struct{ x, y int32 }

func cellOf(p Point) cellKey { return cellKey{floorDiv(p.X, cellSide), floorDiv(p.Y, cellSide)} }

func floorDiv(a, b int32) int32 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// A grid is the set of chairs that could take a ride, by position. Such chairs do not
// move, so a chair is filed once.
type grid struct{ cells map[cellKey][]*chair }

func newGrid() *grid { return &grid{cells: map[cellKey][]*chair{}} }

// add is idempotent.
func (g *grid) add(c *chair) {
	if c.empty {
		return
	}
	c.empty = true
	c.cell = cellOf(c.position)
	g.cells[c.cell] = append(g.cells[c.cell], c)
}

// remove is idempotent.
func (g *grid) remove(c *chair) {
	if !c.empty {
		return
	}
	c.empty = false
	cell := g.cells[c.cell]
	for i := range cell {
		if cell[i] == c {
			cell[i] = cell[len(cell)-1]
			cell[len(cell)-1] = nil
			g.cells[c.cell] = cell[:len(cell)-1]
			return
		}
	}
}

// within calls f for each member whose position is at most distance from p.
func (g *grid) within(p Point, distance int, f func(*chair)) {
	d := int32(distance)
	lo, hi := cellOf(Point{p.X - d, p.Y - d}), cellOf(Point{p.X + d, p.Y + d})
	for x := lo.x; x <= hi.x; x++ {
		for y := lo.y; y <= hi.y; y++ {
			for _, c := range g.cells[cellKey{x, y}] {
				if c.position.distance(p) <= distance {
					f(c)
				}
			}
		}
	}
}
