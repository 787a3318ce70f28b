package world

import "slices"

// OpenLoop is the result of an open loop. Rates are per second of the load.
type OpenLoop struct {
	IntendedRate  float64 `json:"intended_rate"`
	CreatedRate   float64 `json:"created_rate"`
	CompletedRate float64 `json:"completed_rate"`

	Due          int `json:"due"` // rides; chance makes them a few more or less than the rate says
	Started      int `json:"started"`
	Late         int `json:"late"`   // started more than 10 ms after they were due
	Waited       int `json:"waited"` // found all users riding, so that they started late or never
	NeverStarted int `json:"never_started"`
	Refused      int `json:"refused,omitempty"` // by the server, see Config.Refusals; they are in no stage but the first
	Unmatched    int `json:"unmatched"`         // had no chair at the end; at a server that keeps up, those of the last moment

	Stages []Stage `json:"stages"`
}

// A Stage is the time from when rides were due until they got so far, in microseconds.
//
// A ride that had not got there by the end of the load counts as one that takes longer
// than it has taken until then. This is the product-limit estimate (Kaplan and Meier),
// which is the usual percentile if no ride is left open. A percentile that lies among the
// open rides is unknown, so nil; it is greater than Longest. While a queue grows, all of
// them are too low, because rides that come later take longer: see Unmatched.
type Stage struct {
	Name    string   `json:"name"`
	Reached int      `json:"reached"`
	Open    int      `json:"open"`
	P50     *Instant `json:"p50"`
	P90     *Instant `json:"p90"`
	P99     *Instant `json:"p99"`
	P999    *Instant `json:"p999"`
	Longest Instant  `json:"longest"` // of all, open rides included
}

// OpenLoop is the result of the open loop whose load is over, nil if there was none.
func (w *World) OpenLoop() *OpenLoop {
	a := w.arrivals
	if a == nil || a.begun == 0 || a.ended == 0 {
		return nil
	}
	o := &OpenLoop{IntendedRate: a.rate, Due: len(a.all), Waited: a.waited}
	for _, n := range a.all {
		o.Started += one(n.started != 0)
		o.Late += one(n.started-n.due > lateStart)
		o.Refused += one(n.refused != 0)
	}
	o.NeverStarted = o.Due - o.Started
	for _, s := range []struct {
		name string
		at   func(*arrival) Instant
	}{
		{"started", func(n *arrival) Instant { return n.started }},
		{"created", func(n *arrival) Instant { return n.changedAt(StatusMatching) }},
		{"matched", func(n *arrival) Instant { return n.changedAt(StatusEnroute) }},
		{"picked up", func(n *arrival) Instant { return n.changedAt(StatusCarrying) }},
		{"completed", func(n *arrival) Instant { return n.changedAt(StatusCompleted) }},
	} {
		o.Stages = append(o.Stages, a.stage(s.name, s.at, s.name == "started"))
	}
	created, matched, completed := o.Stages[1], o.Stages[2], o.Stages[4]
	o.Unmatched = matched.Open
	if seconds := float64(a.ended-a.begun) / float64(Second); seconds > 0 {
		o.CreatedRate = float64(created.Reached) / seconds
		o.CompletedRate = float64(completed.Reached) / seconds
	}
	return o
}

// changedAt is the time at which the ride got to a status, 0 if it has not.
func (n *arrival) changedAt(s Status) Instant {
	if n.ride == nil {
		return 0
	}
	return n.ride.changedAt[s]
}

// A span is the time that a ride took, or at least took if it is open.
type span struct {
	length Instant
	open   bool
}

// stage looks at the arrivals as they were at the end of the load. at is when one of them
// got there, 0 if it did not. Those that the server has refused count if wanted.
func (a *arrivals) stage(name string, at func(*arrival) Instant, refused bool) Stage {
	s := Stage{Name: name}
	spans := make([]span, 0, len(a.all))
	for _, n := range a.all {
		if n.refused != 0 && !refused {
			continue
		}
		if t := at(n); t == 0 || t > a.ended {
			spans = append(spans, span{a.ended - n.due, true})
			s.Open++
		} else {
			spans = append(spans, span{t - n.due, false})
			s.Reached++
		}
		s.Longest = max(s.Longest, spans[len(spans)-1].length)
	}
	for _, p := range []struct {
		percent float64
		to      **Instant
	}{{50, &s.P50}, {90, &s.P90}, {99, &s.P99}, {99.9, &s.P999}} {
		*p.to = percentile(spans, p.percent)
	}
	return s
}

// percentile sorts the spans. Going through them, it keeps the share of rides that take
// longer: each one that got there takes its part of those that were still observed.
func percentile(spans []span, percent float64) *Instant {
	slices.SortFunc(spans, func(a, b span) int {
		if a.length != b.length || a.open == b.open {
			return int(a.length - b.length)
		}
		return one(a.open) - one(b.open)
	})
	const rounding = 1e-9 // of the products
	longer := 1.0
	for i, s := range spans {
		if s.open {
			continue
		}
		left := len(spans) - i
		longer *= float64(left-1) / float64(left)
		if longer <= 1-percent/100+rounding {
			return &spans[i].length
		}
	}
	return nil
}
