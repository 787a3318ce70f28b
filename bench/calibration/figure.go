package calibration

import (
	"slices"

	"isuride/bench/report"
)

// bar is how far most figures may be off.
const bar = 0.05

// A Figure is one number that the official benchmarker measured, in one or more equal runs.
type Figure struct {
	Name     string    `json:"name"`
	Official []float64 `json:"official"`
	// Bar is how far outside the official values ours may be, as a part of them; 0 if that is not judged.
	Bar float64 `json:"bar"`
	// Points tells that Bar is absolute: figures that are percentages differ by percentage points.
	Points bool `json:"points,omitempty"`
	// Luck tells that equal runs differ by far more than Bar. Then the runs of both sides need only overlap.
	Luck bool `json:"luck,omitempty"`
}

// A Finding is a figure beside ours.
type Finding struct {
	Figure
	Ours report.Spread `json:"ours"`
	// Off is how far ours is from the nearest official value, in the unit of Bar; 0 between them.
	Off    float64 `json:"off"`
	Passed bool    `json:"passed"`
}

// Compare judges the values of our runs, at least one: by their median, or by their range if it is a matter of luck.
func (f Figure) Compare(ours []float64) Finding {
	s := report.SpreadOf(ours)
	low, high := s.Median, s.Median
	if f.Luck {
		low, high = s.Min, s.Max
	}
	off := f.off(low, high)
	return Finding{f, s, off, f.Bar == 0 || max(off, -off) <= f.Bar}
}

// off is the way from the official range to the one given, 0 if they overlap.
func (f Figure) off(low, high float64) float64 {
	bottom, top := slices.Min(f.Official), slices.Max(f.Official)
	switch {
	case low > top:
		return f.inUnit(low-top, top)
	case high < bottom:
		return f.inUnit(high-bottom, bottom)
	}
	return 0
}

func (f Figure) inUnit(difference, official float64) float64 {
	if f.Points {
		return difference
	}
	return difference / official
}

// Findings compares all figures of the policy with those of our runs, at least one.
func (p Policy) Findings(runs []Values) []Finding {
	var list []Finding
	for _, f := range p.Figures {
		list = append(list, f.Compare(Column(runs, f.Name)))
	}
	return list
}

// Column is the values of one figure.
func Column(runs []Values, name string) []float64 {
	var column []float64
	for _, v := range runs {
		column = append(column, v[name])
	}
	return column
}
