package official

import (
	"slices"

	"isuride/bench/report"
)

// A Figure is one number that the official benchmarker measured, in one or more equal runs.
type Figure struct {
	Name     string
	Official []float64
	// Bar limits how far ours may be outside the official values, as a part of them; 0 if
	// that is not judged.
	Bar float64
	// Points makes Bar absolute: figures that are percentages differ by percentage points.
	Points bool
	// Luck marks figures that differ by far more than Bar between equal runs. Then the runs
	// of both sides need only overlap.
	Luck bool
}

// A Finding is a figure beside ours.
type Finding struct {
	Figure
	Ours report.Spread
	// Off is the distance of ours from the nearest official value, in the unit of Bar; 0
	// between them.
	Off    float64
	Passed bool
}

// Compare judges the values of our runs, at least one: by their median, or by their range if
// it is a matter of luck.
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
	off, from := 0.0, 1.0
	switch {
	case low > top:
		off, from = low-top, top
	case high < bottom:
		off, from = high-bottom, bottom
	}
	if f.Points {
		return off
	}
	return off / from
}

// Findings compares all figures of the policy with those of our runs, at least one.
func (p Policy) Findings(runs []Values) []Finding {
	var list []Finding
	for _, f := range p.Figures {
		var ours []float64
		for _, v := range runs {
			ours = append(ours, v[f.Name])
		}
		list = append(list, f.Compare(ours))
	}
	return list
}
