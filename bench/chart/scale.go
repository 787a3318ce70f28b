package chart

import "math"

// scale maps values to positions along one axis; ticks are the values to label.
type scale struct {
	low, high float64 // values
	from, to  float64 // positions
	log       bool    // low is above 0
	ticks     []float64
}

func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log(low), math.Log(high), math.Log(max(v, s.low))
	}
	return s.from + (v-low)/(high-low)*(s.to-s.from)
}

// newScale goes from 0 to a round value at or above the highest, in about four steps.
func newScale(highest, base, from, to float64) scale {
	if highest <= 0 {
		highest = 1
	}
	step := roundStep(highest/4, base)
	s := scale{high: math.Ceil(highest/step-1e-9) * step, from: from, to: to}
	for i := 0.0; i*step <= s.high*(1+1e-9); i++ {
		s.ticks = append(s.ticks, i*step)
	}
	return s
}

// roundStep is the first at or above v of the powers of two, or of 1, 2, 2.5 and 5 times
// the powers of ten.
func roundStep(v, base float64) float64 {
	power := math.Pow(base, math.Floor(math.Log(v)/math.Log(base)+1e-9))
	for _, factor := range []float64{1, 2, 2.5, 5} {
		if factor*power >= v*(1-1e-9) {
			return factor * power
		}
	}
	return 10 * power
}

// newLogScale lies between the powers of ten around the values, which are above 0.
func newLogScale(lowest, highest, from, to float64) scale {
	low := math.Floor(math.Log10(lowest) + 1e-9)
	high := max(low+1, math.Ceil(math.Log10(highest)-1e-9))
	s := scale{low: math.Pow(10, low), high: math.Pow(10, high), from: from, to: to, log: true}
	for e := low; e <= high; e++ {
		s.ticks = append(s.ticks, math.Pow(10, e))
	}
	return s
}

// newTimeScale ends with the times; its ticks are at most seven round ones.
func newTimeScale(seconds []float64, from, to float64) scale {
	end := 1.0
	if n := len(seconds); n > 0 {
		end = max(end, seconds[n-1])
	}
	s := scale{high: end, from: from, to: to}
	step := 86400.0
	for _, round := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200} {
		if end/round < 7 {
			step = round
			break
		}
	}
	for i := 0.0; i*step <= end; i++ {
		s.ticks = append(s.ticks, i*step)
	}
	return s
}
