package world

// A Tally counts small numbers, such as lengths of time in ticks.
type Tally struct {
	Counts []int // Counts[n] counts the occurrences of n
	N      int
	Sum    int
}

// Add counts n; negative numbers, which no rule produces, count as 0.
func (t *Tally) Add(n int) {
	n = max(n, 0)
	for n >= len(t.Counts) {
		t.Counts = append(t.Counts, 0)
	}
	t.Counts[n]++
	t.N++
	t.Sum += n
}

// Mean is the average, 0 if there is none.
func (t *Tally) Mean() float64 {
	if t.N == 0 {
		return 0
	}
	return float64(t.Sum) / float64(t.N)
}

// Share is the part of all that are n, 0 to 1.
func (t *Tally) Share(n int) float64 {
	if n >= len(t.Counts) {
		return 0
	}
	return float64(t.Counts[n]) / float64(t.N)
}

// Stats are the counts of a run besides score and errors. The intervals are those of B
// appendix D, over all evaluated rides, in ticks.
type Stats struct {
	TimedOutTicks int // ticks that began while turns of earlier ones were still under way (B2.2)
	UsersLeft     int
	Origins       [OriginInvitation + 1]int // registered users by Origin

	Ratings  [6]int // evaluated rides by rating; 0 is not used
	Criteria CriteriaCounts

	Matching       Tally // MatchedAt - RequestedAt
	Dispatching    Tally // DispatchedAt - MatchedAt beyond the ideal drive
	Boarding       Tally // PickedUpAt - DispatchedAt
	Driving        Tally // ArrivedAt - PickedUpAt beyond the ideal drive
	Completing     Tally // CompletedAt - ArrivedAt
	Trip           Tally // distance from pickup to destination
	PickupDistance Tally // distance from accepting to pickup

	// Delays from a change of status, as the bench caused it, to its first receipt by the
	// client of a user or chair; the turn in which that looks at it comes later. A
	// receipt ahead of the answer to the call that makes the change is a delay of 0.
	// MATCHING is missing: nothing waits for it. The index is the Status.
	UserNotices  [StatusCompleted + 1]Histogram
	ChairNotices [StatusCompleted + 1]Histogram

	Cycle Cycle // of the first seconds
}

// CriteriaCounts counts the evaluated rides that met each criterion (B7.4).
type CriteriaCounts struct{ Matching, Dispatch, Pickup, Drive int }

// Completed is the number of evaluated rides.
func (s *Stats) Completed() int { return s.Trip.N }

func (s *Stats) completed(r *ride) {
	speed := r.chair.model.speed
	s.Ratings[r.rating]++
	s.Criteria.add(r.criteria())
	s.Matching.Add(int(r.matchedAt - r.requestedAt))
	s.Dispatching.Add(int(r.dispatchedAt-r.matchedAt) - idealTicks(r.pickupDistance, speed))
	s.Boarding.Add(int(r.pickedUpAt - r.dispatchedAt))
	s.Driving.Add(int(r.arrivedAt-r.pickedUpAt) - idealTicks(r.trip, speed))
	s.Completing.Add(int(r.completedAt - r.arrivedAt))
	s.Trip.Add(r.trip)
	s.PickupDistance.Add(r.pickupDistance)
}

func (n *CriteriaCounts) add(c criteria) {
	n.Matching += one(c.matching)
	n.Dispatch += one(c.dispatch)
	n.Pickup += one(c.pickup)
	n.Drive += one(c.drive)
}

func one(met bool) int {
	if met {
		return 1
	}
	return 0
}

func (s *Stats) unhappy() Unhappy {
	n := float64(s.Completed())
	if n == 0 {
		return Unhappy{}
	}
	return Unhappy{
		Matching: 1 - float64(s.Criteria.Matching)/n,
		Dispatch: 1 - float64(s.Criteria.Dispatch)/n,
		Ride:     1 - float64(s.Criteria.Pickup+s.Criteria.Drive)/(2*n),
	}
}
