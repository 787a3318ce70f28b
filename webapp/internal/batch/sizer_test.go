package batch

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 1, "of random choices")

const ms = time.Millisecond

// sink is a model of what takes batches: each costs something, and each row.
type sink struct {
	name   string
	bounds Bounds
	fixed  time.Duration
	row    time.Duration
	noise  float64 // a batch takes up to this part more or less
	stall  bool    // each three seconds it stands still for 300 ms, as with a checkpoint
	page   int     // rows are paid for in pages of so many; 0: one by one
}

// sinks are of several shapes. Only the first was used when the constants of Sizer were found.
var sinks = []sink{
	{name: "time series", bounds: Bounds{Target: 50 * ms, MinRows: 500, MaxRows: 50_000}, fixed: 3 * ms, row: 1200},
	{name: "SQL", bounds: Bounds{Target: 500 * ms, MinRows: 1000, MaxRows: 20_000}, fixed: 4 * ms, row: 33_000},
	{name: "broker", bounds: Bounds{Target: 50 * ms, MinRows: 100, MaxRows: 50_000}, fixed: 1 * ms, row: 1800},
	{name: "dear rows", bounds: Bounds{Target: 100 * ms, MinRows: 10, MaxRows: 50_000}, fixed: 2 * ms, row: 300_000},
	{name: "far away", bounds: Bounds{Target: 100 * ms, MinRows: 500, MaxRows: 50_000}, fixed: 20 * ms, row: 4000},
	{name: "noisy", bounds: Bounds{Target: 50 * ms, MinRows: 500, MaxRows: 50_000}, fixed: 3 * ms, row: 6000, noise: 0.3},
	{name: "stalls", bounds: Bounds{Target: 50 * ms, MinRows: 500, MaxRows: 50_000}, fixed: 3 * ms, row: 6000, stall: true},
	{name: "pages", bounds: Bounds{Target: 100 * ms, MinRows: 100, MaxRows: 50_000}, fixed: 2 * ms, row: 9000, page: 64},
	{name: "slower than its target", bounds: Bounds{Target: 100 * ms, MinRows: 100, MaxRows: 50_000}, fixed: 150 * ms, row: 5000},
}

func (s *sink) takes(rows int, rng *rand.Rand) time.Duration {
	if s.page > 0 {
		rows = (rows + s.page - 1) / s.page * s.page
	}
	took := float64(s.fixed + time.Duration(rows)*s.row)
	took *= 1 + s.noise*(2*rng.Float64()-1)
	return time.Duration(took)
}

// limiter is a Sizer, or a size that stays.
type limiter interface {
	Rows() int
	Wrote(rows int, took time.Duration)
}

type size int

func (s size) Rows() int              { return int(s) }
func (size) Wrote(int, time.Duration) {}

// run sends what comes at this rate, batch after batch, and returns the mean age of the rows when the sink has
// taken them, in the minute after the first seconds. With no rate everything waits from the beginning; then it returns the mean time a row.
func (s *sink) run(l limiter, rate float64) (cost float64, worst time.Duration) {
	const first, span = 10 * time.Second, time.Minute
	rng := rand.New(rand.NewPCG(*seed, 17))
	now, sent, counted, began, ages := time.Duration(0), 0, 0, time.Duration(0), 0.0
	for now < first+span {
		come := math.MaxInt
		if rate > 0 {
			come = int(rate * now.Seconds())
			if come == sent { // natural batching: the first row that comes is sent
				now = time.Duration(float64(sent+1)/rate*1e9) + 1
				come = sent + 1
			}
		}
		n := min(come-sent, l.Rows())
		took := s.takes(n, rng)
		if s.stall && now/(3*time.Second) != (now+took)/(3*time.Second) {
			took += 300 * ms
		}
		l.Wrote(n, took)
		now += took
		if n >= s.bounds.MinRows {
			worst = max(worst, took)
		}
		if now-took < first {
			began = now
		} else {
			// The rows came evenly from sent+1 to sent+n.
			ages += float64(n) * (now.Seconds() - (float64(sent)+float64(n+1)/2)/rate)
			counted += n
		}
		sent += n
	}
	if rate > 0 {
		return ages / float64(counted), worst
	}
	return (now - began).Seconds() / float64(counted), worst
}

// best returns the cost with the best fixed size that keeps to the target, or, if the fixed cost leaves no
// such size, to the time that the Sizer promises instead.
func (s *sink) best(rate float64) (cost float64, rows int) {
	calm := *s
	calm.noise, calm.stall = 0, false
	cost = math.Inf(1)
	limit := max(s.bounds.Target, fixedShare*calm.takes(s.bounds.MinRows, rand.New(rand.NewPCG(1, 1))))
	for n := float64(s.bounds.MinRows); n <= float64(s.bounds.MaxRows); n *= 1.05 {
		if calm.takes(int(n), rand.New(rand.NewPCG(1, 1))) > limit {
			break
		}
		if c, _ := s.run(size(n), rate); c < cost {
			cost, rows = c, int(n)
		}
	}
	return cost, rows
}

// TestSizerIsAsGoodAsTheBestSize compares with every fixed size, at four loads: two that leave the sink idle at
// times, one near to what it can take at all, and more than that.
func TestSizerIsAsGoodAsTheBestSize(t *testing.T) {
	t.Logf("seed %d (repeat with -seed %d)", *seed, *seed)
	for _, s := range sinks {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a, _ := s.best(0)
			for _, part := range []float64{0.05, 0.5, 0.85, 0} {
				rate := part / a
				want, rows := s.best(rate)
				sizer := NewSizer(s.bounds)
				got, worst := s.run(sizer, rate)
				t.Logf("load %3.0f %% (0: all at once): %.6f s; the best size, %d, %.6f s: %+.1f %%; the longest batch %v, the limit in the end %d",
					100*part, got, rows, want, 100*(got/want-1), worst.Round(ms), sizer.Rows())
				if got > 1.05*want {
					t.Errorf("load %.0f %%: %.6f s, which is %.1f %% more than with %d rows each", 100*part, got, 100*(got/want-1), rows)
				}
			}
		})
	}
}

// TestSizerKeepsToTheTarget has the time of batches near the target wherever the bounds allow it.
func TestSizerKeepsToTheTarget(t *testing.T) {
	for _, s := range sinks {
		if s.noise > 0 || s.stall || s.page > 0 {
			continue
		}
		target := max(s.bounds.Target, fixedShare*s.takes(s.bounds.MinRows, rand.New(rand.NewPCG(1, 1))))
		if _, worst := s.run(NewSizer(s.bounds), 0); worst > target*17/16 {
			t.Errorf("%s: a batch took %v, the target is %v", s.name, worst, target)
		}
	}
}

// TestSizerFollows has a sink that becomes ten times as slow, and quick again.
func TestSizerFollows(t *testing.T) {
	s := NewSizer(Bounds{Target: 100 * ms, MinRows: 100, MaxRows: 50_000})
	row := 5 * time.Microsecond
	for i, c := range []struct {
		row     time.Duration
		batches int
		rows    int
	}{{row, 30, 20_000}, {10 * row, 8, 2000}, {row, 30, 20_000}} {
		for range c.batches {
			s.Wrote(s.Rows(), time.Duration(s.Rows())*c.row)
		}
		if r := s.Rows(); r < c.rows*7/8 || r > c.rows*17/16 {
			t.Errorf("stage %d: %d rows after %d batches, want some %d", i, r, c.batches, c.rows)
		}
	}
}

func TestSizer(t *testing.T) {
	b := Bounds{Target: 100 * ms, MinRows: 100, MaxRows: 1000, Bytes: 5000}
	for _, c := range []struct {
		name       string
		limit      int
		rows       int
		took       time.Duration
		want       int
		fixedFirst time.Duration
	}{
		{"a short one, twice as many", 200, 200, 1 * ms, 400, 0},
		{"half of the time: an eighth more", 400, 400, 50 * ms, 450, 0},
		{"all of the time: a sixteenth more", 400, 400, 100 * ms, 425, 0},
		{"not full: nothing learnt", 400, 399, 1 * ms, 400, 0},
		{"too long: in proportion", 800, 800, 112 * ms, 625, 0},
		{"far too long: a quarter", 800, 800, 10_000 * ms, 600, 0},
		{"a part that took too long", 800, 500, 175 * ms, 600, 0},
		{"a part that took too long for what it was, of a larger limit", 600, 590, 110 * ms, 469, 0},
		{"never below the bound", 110, 110, 10_000 * ms, 100, 0},
		{"never above the bound", 990, 990, 1 * ms, 1000, 0},
		{"any batch takes long", 800, 800, 175 * ms, 880, 50 * ms},
		{"no time at all", 200, 200, 0, 400, 0},
	} {
		s := NewSizer(b)
		s.rows.Store(int64(c.limit))
		s.small = [2]time.Duration{c.fixedFirst, c.fixedFirst}
		s.Wrote(c.rows, c.took)
		if s.Rows() != c.want {
			t.Errorf("%s: %d, want %d", c.name, s.Rows(), c.want)
		}
	}
	s := NewSizer(b)
	for _, c := range []struct {
		rows, bytes int
		want        bool
	}{{0, 0, false}, {99, 4999, false}, {100, 0, true}, {1, 5000, true}} {
		if s.Full(c.rows, c.bytes) != c.want {
			t.Errorf("%d rows of %d bytes: full is %t", c.rows, c.bytes, !c.want)
		}
	}
	if NewSizer(Bounds{}).Rows() != 1 || NewSizer(Bounds{MinRows: 5, MaxRows: 2}).Rows() != 5 {
		t.Error("bounds that cross")
	}
}

func BenchmarkWrote(b *testing.B) {
	b.ReportAllocs()
	s := NewSizer(Bounds{Target: 100 * ms, MinRows: 100, MaxRows: 50_000})
	for b.Loop() {
		s.Wrote(s.Rows(), 90*ms)
	}
}

func ExampleSizer() {
	s := NewSizer(Bounds{Target: 100 * time.Millisecond, MinRows: 100, MaxRows: 10_000})
	for range 10 { // a sink that takes a millisecond, and 50 us a row
		n := s.Rows()
		s.Wrote(n, time.Millisecond+time.Duration(n)*50*time.Microsecond)
		fmt.Print(n, " ")
	}
	// Output: 100 200 400 566 717 862 1003 1141 1278 1413
}
