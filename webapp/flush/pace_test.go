package flush

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestPaceDefaults(t *testing.T) {
	var p Pace
	p.complete()
	if want := (Pace{500 * ms, 2000 * ms, 1000, 20000}); p != want {
		t.Errorf("got %+v, want %+v", p, want)
	}
	p = Pace{Interval: 3 * time.Second, Stretch: time.Second, MinRows: 50, MaxRows: 10}
	p.complete()
	if want := (Pace{3 * time.Second, 3 * time.Second, 50, 50}); p != want {
		t.Errorf("bounds that cross: got %+v, want %+v", p, want)
	}
}

// doubling is the rule that the write-behind had before: cuts grow while they leave events, however
// long they take.
type doubling struct {
	pace   Pace
	growth int
}

func (d *doubling) Rows() int { return min(d.pace.MinRows<<d.growth, d.pace.MaxRows) }

func (d *doubling) Wrote(rows int, _ time.Duration) {
	switch full := rows >= d.Rows(); {
	case full && d.Rows() < d.pace.MaxRows:
		d.growth++
	case !full && d.growth > 0:
		d.growth--
	}
}

// TestCutsAreAsGoodAsDoubled has both rules work off a backlog of a million rows, without a rest, on
// databases as they are measured and far worse ones: the new rule is never slower by more than a twentieth, and
// where the old one held the database for longer than a second a cut, the new one does not, unless
// nothing can be done there in a second.
func TestCutsAreAsGoodAsDoubled(t *testing.T) {
	var pace Pace
	pace.complete()
	for _, c := range []struct {
		name       string
		fixed, row time.Duration
	}{
		{"SQLite", 2 * ms, 7 * time.Microsecond},
		{"MariaDB", 5 * ms, 33 * time.Microsecond},
		{"MariaDB, no CPU left", 20 * ms, 100 * time.Microsecond},
		{"slow syncs", 200 * ms, 33 * time.Microsecond},
		{"a disk that is given up", 3000 * ms, 33 * time.Microsecond},
		{"far away, row by row", 50 * ms, 500 * time.Microsecond},
	} {
		run := func(l interface {
			Rows() int
			Wrote(int, time.Duration)
		}) (all, longest time.Duration) {
			for left := 1_000_000; left > 0; {
				n := min(left, l.Rows())
				took := c.fixed + time.Duration(n)*c.row
				l.Wrote(n, took)
				all, longest, left = all+took, max(longest, took), left-n
			}
			return all, longest
		}
		before, beforeLongest := run(&doubling{pace: pace})
		after, longest := run(newPacer(pace).size)
		t.Logf("%s: %v in all, %v at most; before %v, %v", c.name, after.Round(ms), longest.Round(ms), before.Round(ms), beforeLongest.Round(ms))
		if after > before*21/20 {
			t.Errorf("%s: a million rows take %v, before %v", c.name, after, before)
		}
		if limit := max(cutTarget, 4*(c.fixed+time.Duration(pace.MinRows)*c.row)) * 17 / 16; longest > limit {
			t.Errorf("%s: a cut took %v, at most %v is asked for", c.name, longest, limit)
		}
	}
}

func TestRest(t *testing.T) {
	for _, c := range []struct {
		name    string
		took    time.Duration
		full    bool
		waiting uint64
		want    time.Duration
	}{
		{"nothing to do", 0, false, 1, 500 * ms},
		{"small cut", 20 * ms, false, 1, 500 * ms},
		{"slow cut stretches", 400 * ms, false, 1, 800 * ms},
		{"stretched no further", 5000 * ms, false, 1, 2000 * ms},
		{"events left", 30 * ms, true, 1000, 60 * ms},
		{"events left by a slow cut", 5000 * ms, true, 1000, 2000 * ms},
		{"far behind", 400 * ms, true, 10_001, 0},
		{"far behind after a short cut", 0, false, 10_001, 0},
	} {
		p := newPacer(Pace{Interval: 500 * ms, Stretch: 2000 * ms, MinRows: 1000, MaxRows: 10_000})
		p.wrote(1, c.took, c.full)
		if got := p.rest(c.waiting); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
