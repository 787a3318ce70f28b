package report

import "math"

// A scale maps values to positions along one axis of a plot.
type scale struct {
	low, high float64 // values
	from, to  float64 // positions
	log       bool    // values are positive
}

func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log(low), math.Log(high), math.Log(max(v, s.low))
	}
	return round(s.from + (v-low)/(high-low)*(s.to-s.from))
}

// round keeps a tenth of a unit, finer than a screen shows.
func round(v float64) float64 { return math.Round(10*v) / 10 }

// linear is a scale from 0 to a round number at or above the highest value, with about n steps; grid are their ends.
func linear(highest float64, n int, from, to float64) (s scale, grid []float64) {
	step := roundStep(highest / float64(n))
	steps := max(1, math.Ceil(highest/step-1e-9))
	for i := 0.0; i <= steps; i++ {
		grid = append(grid, i*step)
	}
	return scale{low: 0, high: steps * step, from: from, to: to}, grid
}

// roundStep is the first of 1, 2 and 5 times a power of ten that is not below v, 1 if v is nothing.
func roundStep(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// decades is a logarithmic scale between the powers of ten around the values; grid are those powers.
func decades(lowest, highest, from, to float64) (s scale, grid []float64) {
	low := math.Floor(math.Log10(lowest) + 1e-9)
	high := max(low+1, math.Ceil(math.Log10(highest)-1e-9))
	for e := low; e <= high; e++ {
		grid = append(grid, math.Pow(10, e))
	}
	return scale{low: math.Pow(10, low), high: math.Pow(10, high), from: from, to: to, log: true}, grid
}
