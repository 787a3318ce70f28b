package live

import "isuride/bench/world"

// CycleStage is where rides and chairs spent their time during the first seconds of the
// load. Times are in microseconds.
type CycleStage struct {
	Name    string        `json:"name"`
	OfUser  bool          `json:"of_user"`  // from one ride of a user to the next
	OfChair bool          `json:"of_chair"` // the same of a chair
	Rides   int           `json:"rides"`
	Mean    world.Instant `json:"mean"`
	// By the second in which the stage ended.
	Counts []int           `json:"counts"`
	Means  []world.Instant `json:"means"`
}

// Cycle makes the stages of a run, nil if no ride has begun.
func Cycle(s *world.Stats) (list []CycleStage) {
	rides := 0
	for i := range s.Cycle {
		stage := world.CycleStage(i)
		c, sum := CycleStage{Name: stage.String(), OfUser: stage.OfUser(), OfChair: stage.OfChair()}, world.Instant(0)
		for _, at := range s.Cycle[i] {
			c.Counts = append(c.Counts, at.Rides)
			c.Means = append(c.Means, at.Sum/world.Instant(max(1, at.Rides)))
			c.Rides += at.Rides
			sum += at.Sum
		}
		c.Mean = sum / world.Instant(max(1, c.Rides))
		rides += c.Rides
		list = append(list, c)
	}
	if rides == 0 {
		return nil
	}
	return list
}
