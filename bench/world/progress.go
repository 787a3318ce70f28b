package world

// Progress is a view of a running or finished run, for live displays and reports.
type Progress struct {
	Tick   int // T: ticks begun, less one
	Ticks  int // executed
	Score  int // of evaluated rides only (spec 14)
	Errors int

	Regions []RegionProgress
	Owners  []OwnerProgress

	Users        int // registered
	ActiveUsers  int
	ByReputation int // users it brought
	ByInvitation int
	UsersLeft    int

	Chairs        int
	ChairsBySpeed map[int]int
	EmptyChairs   int // that could take a ride

	RidesCreated   int
	RidesByStatus  [StatusCompleted + 1]int // by the desired status
	RidesEvaluated int

	// Shares of evaluated rides that disappointed, 0 to 1 (spec 1.7).
	UnhappyMatching, UnhappyDispatch, UnhappyRide float64
}

// RegionProgress is the part of one region.
type RegionProgress struct {
	Name                    string
	RegisteredUsers, Active int
	Chairs                  int
}

// OwnerProgress is the part of one owner.
type OwnerProgress struct {
	Name   string
	Sales  int
	Chairs int
	Score  int // in whole points, rounded down
}

// Progress looks at everything; it is meant for once a second or so.
func (w *World) Progress() Progress {
	p := Progress{
		Tick: max(w.tick, 0), Ticks: w.tick + 1, Score: w.Score(), Errors: w.errors.Total(),
		Users:        w.stats.Origins[originPopulation] + w.stats.Origins[originReputation] + w.stats.Origins[originInvitation],
		ByReputation: w.stats.Origins[originReputation], ByInvitation: w.stats.Origins[originInvitation],
		UsersLeft: w.stats.UsersLeft, ChairsBySpeed: map[int]int{},
		RidesCreated: len(w.rides), RidesEvaluated: w.stats.Completed(),
	}
	for _, g := range w.regions {
		p.Regions = append(p.Regions, RegionProgress{Name: g.name, RegisteredUsers: g.registered, Active: g.active})
		p.ActiveUsers += g.active
	}
	for _, o := range w.owners {
		p.addOwner(w, o)
	}
	for _, r := range w.rides {
		p.RidesByStatus[r.desired]++
	}
	if n := float64(w.stats.Completed()); n > 0 {
		met := w.stats.Criteria
		p.UnhappyMatching = 1 - float64(met.Matching)/n
		p.UnhappyDispatch = 1 - float64(met.Dispatch)/n
		p.UnhappyRide = 1 - float64(met.Pickup+met.Drive)/(2*n)
	}
	return p
}

func (p *Progress) addOwner(w *World, o *owner) {
	p.Owners = append(p.Owners, OwnerProgress{Name: o.name, Sales: o.sales, Chairs: len(o.chairs), Score: o.score / scoreUnit})
	p.Chairs += len(o.chairs)
	for i, g := range w.regions {
		if g == o.region {
			p.Regions[i].Chairs += len(o.chairs)
		}
	}
	for _, c := range o.chairs {
		p.ChairsBySpeed[c.model.speed]++
		p.EmptyChairs += one(c.empty)
	}
}

// Stats is what the run has counted so far. It changes as long as the World is used.
func (w *World) Stats() *Stats { return &w.stats }

// scoreUnit is how finely scores are summed up: in hundredths of a point.
const scoreUnit = 100

// Score is the running score: that of the evaluated rides (spec 14).
func (w *World) Score() int {
	sum := 0
	for _, o := range w.owners {
		sum += o.score
	}
	return sum / scoreUnit
}

// FinalScore adds what rides under way are worth. It is meant for the end, when the wait after the load is over
// (spec 14).
func (w *World) FinalScore() int {
	partial := 0
	for _, r := range w.rides {
		if !r.evaluated {
			partial += r.partialScore()
		}
	}
	return w.Score() + partial/scoreUnit
}
