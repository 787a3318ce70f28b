package rules

import (
	"net/http"
	"sync"
	"time"

	"isuride/bench/verify/probe"
)

// tick is one step of the benchmarker's world (S1.2).
const tick = 30 * time.Millisecond

// apart is a place for chairs that have nothing to do with rides.
func apart() probe.Point { return probe.At(2000, -3000) }

// positions reports from a chair that is not active, so that no ride gets in between.
func positions() Scenario {
	return Scenario{
		name: "positions",
		rules: []rule{
			{"position-answer", "S4.16", B, "POST /api/chair/coordinate answers 200 with recorded_at"},
			{"position-clock", "S1.3", B, "recorded_at is the time of the report in ms"},
			{"position-increases", "S4.16", B, "recorded_at increases from report to report, 30 ms apart, and never decreases"},
			{"distance-first", "S2.4", B, "the first report adds no distance, but sets total_distance_updated_at"},
			{"distance-sum", "S2.4", B, "total_distance sums up the distances between reports"},
			{"distance-time", "S4.12", B, "within 3 s total_distance_updated_at is the recorded_at of the latest report, to the millisecond"},
			{"distance-unchanged", "S4.16", B, "a report of an unchanged position moves total_distance_updated_at on"},
		},
		play: func(t *trial) {
			c := t.owner().parked(slowModel)
			p := c.report(apart().Plus(-7, 3))
			t.answersWith("position-answer", p.Answer, http.StatusOK, probe.PositionAnswer())
			t.need(p.Fine(), "a position could not be reported", p)
			t.check("position-clock", p.During(p.RecordedAt),
				words("recorded_at is %d and the own clock said %d", p.RecordedAt, p.Received.UnixMilli()), p)
			f := t.fleetShows(c, p)
			x := f.find(c.id)
			t.check("distance-first", x != nil && x.Distance == 0 && x.UpdatedAt != nil, f.Summary(), p, f)
			last := t.drivesAround(c, p)
			t.checkUnchanged(c, last)
		},
	}
}

// fleetShows waits until the owner's list shows a report, at most for the grace, and
// returns the last list.
func (t *trial) fleetShows(c *chair, p position) fleet {
	var f fleet
	t.eventually(func() bool {
		f = c.owner.fleet()
		x := f.find(c.id)
		return x != nil && x.UpdatedAt != nil && *x.UpdatedAt == p.RecordedAt
	})
	return f
}

func (t *trial) drivesAround(c *chair, before position) (last position) {
	var total int
	shown := []evidence{before}
	for _, move := range [][2]int{{0, 5}, {7, 0}, {10, -20}} {
		t.Sleep(tick)
		to := c.at.Plus(move[0], move[1])
		total += c.at.Distance(to)
		last = c.mustReport(to)
		shown = append(shown, last)
		t.check("position-increases", last.RecordedAt > before.RecordedAt, words("%d after %d", last.RecordedAt, before.RecordedAt), before, last)
		before = last
	}
	for range 5 { // without a pause, two may be of one millisecond
		last = c.mustReport(c.at)
		t.check("position-increases", last.RecordedAt >= before.RecordedAt, words("%d after %d", last.RecordedAt, before.RecordedAt), before, last)
		before = last
	}
	f := t.fleetShows(c, last)
	x := f.find(c.id)
	t.need(x != nil, "the owner's list lacks a chair", f)
	t.check("distance-sum", x.Distance == total, words("total_distance is %d instead of %d", x.Distance, total), append(shown, f)...)
	t.check("distance-time", x.UpdatedAt != nil && *x.UpdatedAt == last.RecordedAt, words("recorded_at was %d", last.RecordedAt), last, f)
	return last
}

func (t *trial) checkUnchanged(c *chair, before position) {
	t.Sleep(tick)
	p := c.mustReport(c.at)
	f := t.fleetShows(c, p)
	x := f.find(c.id)
	t.check("distance-unchanged", x != nil && x.UpdatedAt != nil && *x.UpdatedAt > before.RecordedAt,
		words("recorded_at was %d before and %d now", before.RecordedAt, p.RecordedAt), before, p, f)
}

// concurrentPositions lists while the chair reports, as the benchmarker's owners do.
func concurrentPositions() Scenario {
	const reports = 30
	return Scenario{
		name: "concurrent positions",
		rules: []rule{
			{"distance-pair", "S4.12", B, "total_distance and total_distance_updated_at always belong to one report, while the chair goes on reporting"},
		},
		play: func(t *trial) {
			c := t.owner().parked(slowModel)
			first := c.mustReport(apart())
			seen := t.listWhile(c, func() []position { return t.reportSteps(c, first, reports) })
			for _, f := range seen.lists {
				t.checkPair(c, f, seen.reports)
			}
		},
	}
}

// pairs are reports, and the lists read meanwhile.
type pairs struct {
	reports []position
	lists   []fleet
}

// reportSteps moves by one unit each tick; the total of report i is i.
func (t *trial) reportSteps(c *chair, first position, n int) []position {
	all := []position{first}
	for i := 1; i <= n && t.Sleep(tick/2); i++ {
		p := c.report(apart().Plus(i, 0))
		if !p.Fine() {
			break
		}
		all = append(all, p)
	}
	return all
}

func (t *trial) listWhile(c *chair, report func() []position) pairs {
	var seen pairs
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		seen.reports = report()
	})
	for more := true; more; {
		seen.lists = append(seen.lists, c.owner.fleet())
		select {
		case <-done:
			more = false
		case <-time.After(tick / 3):
		}
	}
	wg.Wait()
	return seen
}

// checkPair judges that a listed pair comes from one report. Reports of the same
// millisecond share their time.
func (t *trial) checkPair(c *chair, f fleet, reports []position) {
	x := f.find(c.id)
	if x == nil || x.UpdatedAt == nil {
		t.check("distance-pair", false, "the chair has no total_distance_updated_at", f)
		return
	}
	matches := false
	for i, p := range reports {
		matches = matches || p.RecordedAt == *x.UpdatedAt && x.Distance == i
	}
	t.check("distance-pair", matches, words("no report has the time %d and the total %d", *x.UpdatedAt, x.Distance), f)
}
