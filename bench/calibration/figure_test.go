package calibration

import (
	"math"
	"testing"
)

func TestCompare(t *testing.T) {
	score := Figure{Official: []float64{110, 100}, Bar: 0.05}
	luck := Figure{Official: []float64{100}, Bar: 0.05, Luck: true}
	points := Figure{Official: []float64{20}, Bar: 3, Points: true}
	told := Figure{Official: []float64{100}}
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
		{"not judged", told, []float64{1000}, 9, true},
	} {
		f := c.figure.Compare(c.ours)
		if math.Abs(f.Off-c.off) > 1e-9 || f.Passed != c.passed {
			t.Errorf("%s: off by %v, passed %v, want %v, %v", c.name, f.Off, f.Passed, c.off, c.passed)
		}
	}
}

// TestFiguresHaveValues checks that no figure is misspelt: each has a value in a run.
func TestFiguresHaveValues(t *testing.T) {
	for _, p := range Policies() {
		v := play(t, p)
		for _, f := range p.Figures {
			if _, ok := v[f.Name]; !ok && !f.Points { // nobody may have had that rating, or waited that long
				t.Errorf("%s: a run has no %q", p.Name, f.Name)
			}
			if len(f.Official) == 0 {
				t.Errorf("%s: %q without an official value", p.Name, f.Name)
			}
		}
	}
}
