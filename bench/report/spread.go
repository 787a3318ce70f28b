package report

import (
	"fmt"
	"slices"
)

// A Spread summarizes one figure of repeated runs.
type Spread struct {
	Runs   int     `json:"runs"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// SpreadOf needs at least one value. The median of an even number of values is the mean
// of the two in the middle.
func SpreadOf(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Spread{n, (sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

// String is the median, with the range if there are several runs, and "" without a
// spread.
func (s *Spread) String() string {
	switch {
	case s == nil:
		return ""
	case s.Runs == 1:
		return Short(s.Median)
	}
	return fmt.Sprintf("%s (%s to %s)", Short(s.Median), Short(s.Min), Short(s.Max))
}

// Width is from the lowest to the highest value.
func (s Spread) Width() float64 { return s.Max - s.Min }

// Relative writes the width as a part of the median, "-" if that is 0.
func (s Spread) Relative() string {
	if s.Median == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*s.Width()/s.Median)
}

// A Summary is one figure over repeated runs.
type Summary struct {
	Name   string
	Better Better
	Spread
}

// Summarize gathers the figures of records by name, in the order in which they first
// occur.
func Summarize(records []*Record) []Summary {
	var list []Summary
	values := map[string][]float64{}
	for _, r := range records {
		for _, f := range r.Figures() {
			if values[f.Name] == nil {
				list = append(list, Summary{Name: f.Name, Better: f.Better})
			}
			values[f.Name] = append(values[f.Name], f.Value)
		}
	}
	for i := range list {
		list[i].Spread = SpreadOf(values[list[i].Name])
	}
	return list
}
