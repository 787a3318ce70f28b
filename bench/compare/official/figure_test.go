package official

import (
	"math"
	"testing"

	"isuride/bench/model"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

func TestCompare(t *testing.T) {
	score := Figure{Official: []float64{110, 100}, Bar: 0.05}
	luck := Figure{Official: []float64{100}, Bar: 0.05, Luck: true}
	points := Figure{Official: []float64{20}, Bar: 3, Points: true}
	shown := Figure{Official: []float64{100}}
	for _, c := range []struct {
		name   string
		figure Figure
		ours   []float64
		off    float64
		passed bool
	}{
		{"between the official ones", score, []float64{104}, 0, true},
		{"the median counts", score, []float64{1, 109, 500}, 0, true},
		{"a little above the highest", score, []float64{115}, 5.0 / 110, true},
		{"too high", score, []float64{116}, 6.0 / 110, false},
		{"a little below the lowest", score, []float64{96}, -0.04, true},
		{"too low", score, []float64{94}, -0.06, false},
		{"ranges overlap", luck, []float64{80, 130}, 0, true},
		{"ranges nearly overlap", luck, []float64{80, 96}, -0.04, true},
		{"ranges do not overlap", luck, []float64{110, 130}, 0.10, false},
		{"points", points, []float64{22}, 2, true},
		{"too many points", points, []float64{24}, 4, false},
		{"not judged", shown, []float64{1000}, 9, true},
	} {
		f := c.figure.Compare(c.ours)
		if math.Abs(f.Off-c.off) > 1e-9 || f.Passed != c.passed {
			t.Errorf("%s: off by %v, passed %v, want %v, %v", c.name, f.Off, f.Passed, c.off, c.passed)
		}
	}
}

// TestFiguresHaveValues catches misspelt figures: each has a value in a run of 10 s.
func TestFiguresHaveValues(t *testing.T) {
	for _, p := range Policies() {
		c := p.Model
		c.Seed = 1
		r, err := virtual.Run(virtual.Config{World: world.Config{Seed: 1}, Load: 10 * world.Second}, model.New(c))
		if err != nil || r.Fatal != nil {
			t.Fatal(p.Name, err, r.Fatal)
		}
		v := OfVirtual(&r)
		if v[FigureScore] == 0 || v[figureDone] == 0 || v[meanOf(trip)] == 0 {
			t.Errorf("%s: nothing happened: %v", p.Name, v)
		}
		for _, f := range p.Figures {
			if _, ok := v[f.Name]; !ok && !f.Points { // a rating or a wait that did not occur
				t.Errorf("%s: a run has no %q", p.Name, f.Name)
			}
			if len(f.Official) == 0 {
				t.Errorf("%s: %q without an official value", p.Name, f.Name)
			}
		}
	}
}
