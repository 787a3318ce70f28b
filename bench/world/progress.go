package world

// Progress is a view of a running or finished run, for live displays and reports.
type Progress struct {
	Ticks  int `json:"ticks"` // executed; the T of the last one is one less
	Score  int `json:"score"` // of evaluated rides only (B14)
	Errors int `json:"errors"`

	Users   int              `json:"users"` // registered
	Regions []RegionProgress `json:"regions"`

	Chairs        int             `json:"chairs"`       // registered
	EmptyChairs   int             `json:"empty_chairs"` // that could take a ride
	ChairsBySpeed map[int]int     `json:"chairs_by_speed"`
	Owners        []OwnerProgress `json:"owners"`

	RidesCreated   int                      `json:"rides_created"`
	RidesEvaluated int                      `json:"rides_evaluated"`
	RidesByStatus  [StatusCompleted + 1]int `json:"-"` // all created ones, by what the bench desires

	Unhappy Unhappy `json:"unhappy"`
}

// RegionProgress is the part of one region.
type RegionProgress struct {
	Name       string `json:"name"`
	Registered int    `json:"registered"` // users ever
	Active     int    `json:"active"`     // users who have not left
}

// OwnerProgress is the part of one owner.
type OwnerProgress struct {
	Name       string `json:"name"`
	Sales      int    `json:"sales"` // in yen
	Chairs     int    `json:"chairs"`
	ChairsAway int    `json:"chairs_away"` // outside the owner's region
}

// Unhappy are shares of the evaluated rides that did not meet a criterion, 0 to 1 (B1.7).
type Unhappy struct {
	Matching float64 `json:"matching"`
	Dispatch float64 `json:"dispatch"`
	Ride     float64 `json:"ride"`
}

// Progress looks at everything; it is meant for once a second or so.
func (w *World) Progress() Progress {
	p := Progress{
		Ticks: w.tick + 1, Score: w.Score(), Errors: w.errors.Total(),
		ChairsBySpeed: map[int]int{},
		RidesCreated:  len(w.rides), RidesEvaluated: w.stats.Completed(),
		Unhappy: w.stats.unhappy(),
	}
	for _, n := range w.stats.Origins {
		p.Users += n
	}
	for _, g := range w.regions {
		p.Regions = append(p.Regions, RegionProgress{g.name, g.registered, g.active})
	}
	for _, o := range w.owners {
		p.addOwner(o)
	}
	for _, r := range w.rides {
		p.RidesByStatus[r.desired]++
	}
	return p
}

func (p *Progress) addOwner(o *owner) {
	away := 0
	for _, c := range o.chairs {
		p.ChairsBySpeed[c.model.speed]++
		p.EmptyChairs += one(c.empty)
		away += one(!o.region.contains(c.position))
	}
	p.Chairs += len(o.chairs)
	p.Owners = append(p.Owners, OwnerProgress{o.name, o.sales, len(o.chairs), away})
}

// Stats are the counts so far. They change as long as the World is used.
func (w *World) Stats() *Stats { return &w.stats }

// Scores are summed up in units of scoreUnit: hundredths of a point.
const scoreUnit = 100

// Score is the running score: that of the evaluated rides (B14).
func (w *World) Score() int {
	sum := 0
	for _, o := range w.owners {
		sum += o.score
	}
	return sum / scoreUnit
}

// A ScoreSplit is a score by its parts, in hundredths of a point.
type ScoreSplit struct {
	Base    int // for each evaluated ride
	Driving int // for the way from pickup to destination
	Pickup  int // for the way to the pickup
	Partial int // for rides that were not evaluated
}

// ScoreSplit splits up FinalScore.
func (w *World) ScoreSplit() ScoreSplit {
	return ScoreSplit{
		Base:    baseFare * w.stats.Completed(),
		Driving: farePerStep * w.stats.Trip.Sum,
		Pickup:  pickupScore * w.stats.PickupDistance.Sum,
		Partial: w.partialScore(),
	}
}

// FinalScore adds what rides under way are worth. It is meant for the end, when the wait
// after the load is over (B14).
func (w *World) FinalScore() int { return w.Score() + w.partialScore()/scoreUnit }

func (w *World) partialScore() int {
	partial := 0
	for _, r := range w.rides {
		if !r.evaluated {
			partial += r.partialScore()
		}
	}
	return partial
}
