package report

import (
	"math"
	"testing"
)

func TestLinear(t *testing.T) {
	for _, highest := range []float64{0, 0.03, 1, 2.2, 7, 10, 99, 100, 101, 2_593_000} {
		s, grid := linear(highest, 4, 200, 10)
		if s.at(0) != 200 || s.at(s.high) != 10 || s.high < highest {
			t.Errorf("up to %v: 0 at %v, %v at %v", highest, s.at(0), s.high, s.at(s.high))
		}
		if n := len(grid); n < 2 || n > 6 || grid[0] != 0 || math.Abs(grid[n-1]-s.high) > 1e-9*s.high {
			t.Errorf("up to %v: grid %v", highest, grid)
		}
	}
}

func TestDecades(t *testing.T) {
	s, grid := decades(100, 30_000, 0, 300)
	if len(grid) != 4 || s.at(100) != 0 || s.at(1000) != 100 || s.at(100_000) != 300 {
		t.Errorf("%+v, grid %v", s, grid)
	}
	if got := s.at(0); got != 0 {
		t.Errorf("nothing is at %v", got)
	}
	if s, _ := decades(100, 100, 0, 300); s.at(100) != 0 || s.at(1000) != 300 {
		t.Errorf("without width: %+v", s)
	}
}
