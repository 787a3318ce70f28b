package main

import (
	"math"
)

// axis runs from 0 up to a round value or, if it is logarithmic, from one power of ten to
// another. No value on the dashboard is negative.
type axis struct {
	bottom, top float64
	step        float64 // between ticks; 0 if logarithmic
	unit        unit
}

// steps is roughly the number of steps on an axis.
const steps = 4

// newAxis covers values up to the given one.
func newAxis(highest float64, u unit) axis {
	if highest <= 0 {
		highest = 1
	}
	step := roundStep(highest/steps, u.base)
	return axis{top: math.Ceil(highest/step-1e-9) * step, step: step, unit: u}
}

// newLogAxis covers the values between two positive ones.
func newLogAxis(lowest, highest float64, u unit) axis {
	a := axis{bottom: powerBelow(lowest), top: powerBelow(highest), unit: u}
	if a.top < highest || a.top == a.bottom {
		a.top *= 10
	}
	return a
}

func powerBelow(v float64) float64 { return math.Pow(10, math.Floor(math.Log10(v)+1e-9)) }

// roundStep rounds up to a power of two, or to 1, 2, 2.5 or 5 times a power of ten.
func roundStep(least, base float64) float64 {
	if base == 2 {
		return math.Pow(2, math.Ceil(math.Log2(least)))
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, factor := range []float64{1, 2, 2.5, 5} {
		if factor*power >= least*(1-1e-9) {
			return factor * power
		}
	}
	return 10 * power
}

// at returns the position of a value, from 0 at the bottom to 1 at the top.
func (a axis) at(v float64) float64 {
	if a.step == 0 {
		return max(math.Log(v/a.bottom)/math.Log(a.top/a.bottom), 0)
	}
	return v / a.top
}

// ticks returns the values that are labelled on the axis.
func (a axis) ticks() []float64 {
	var list []float64
	if a.step == 0 {
		for tick := a.bottom; tick <= a.top*(1+1e-9); tick *= 10 {
			list = append(list, tick)
		}
		return list
	}
	for i := 0.0; i*a.step <= a.top*(1+1e-9); i++ {
		list = append(list, i*a.step)
	}
	return list
}

// text formats a tick, on the same scale as all the others unless they differ a lot.
func (a axis) text(tick float64) string {
	switch {
	case tick == 0:
		return "0"
	case a.step == 0:
		return a.unit.text(tick)
	}
	return a.unit.in(a.unit.scaleFor(a.top), tick, 4)
}

// timeSteps are the round distances between ticks on the time axis, in seconds.
var timeSteps = [...]float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400}

// timeTicks returns at most seven times, in seconds since the beginning.
func timeTicks(seconds float64) []float64 {
	step := timeSteps[len(timeSteps)-1]
	for i := len(timeSteps) - 1; i >= 0 && seconds/timeSteps[i] < 7; i-- {
		step = timeSteps[i]
	}
	var list []float64
	for i := 0.0; i*step <= seconds; i++ {
		list = append(list, i*step)
	}
	return list
}
