package main

import (
	"fmt"
	"strconv"
)

// column is a figure of a group.
type column struct {
	name  string
	value func(*group) float64 // times in seconds
	text  func(float64) string
}

// columns are those of a kind of log, as they stand in the table.
func (l *logKind) columns() []column {
	list := []column{{"count", func(g *group) float64 { return float64(g.count) }, integer}}
	for i, prefix := range l.times {
		list = append(list, timeColumns(prefix, i)...)
	}
	for i, name := range l.sums {
		text := integer
		if name == "bytes" {
			text = size
		}
		list = append(list, column{name, func(g *group) float64 { return float64(g.sums[i]) }, text})
	}
	return list
}

// timeColumns describe the time with the given index.
func timeColumns(prefix string, i int) []column {
	quantile := func(q float64) func(*group) float64 {
		return func(g *group) float64 { return float64(g.times[i].Quantile(q)) / 1e6 }
	}
	return []column{
		{prefix + "sum", func(g *group) float64 { return float64(g.times[i].Sum()) / 1e6 }, inSeconds},
		{prefix + "avg", func(g *group) float64 { return g.times[i].Mean() / 1e6 }, inMilliseconds},
		{prefix + "p50", quantile(0.5), inMilliseconds},
		{prefix + "p90", quantile(0.9), inMilliseconds},
		{prefix + "p99", quantile(0.99), inMilliseconds},
		{prefix + "max", func(g *group) float64 { return float64(g.times[i].Max()) / 1e6 }, inMilliseconds},
	}
}

func (l *logKind) column(name string) (column, bool) {
	for _, c := range l.columns() {
		if c.name == name {
			return c, true
		}
	}
	return column{}, false
}

func (l *logKind) columnNames() (names []string) {
	for _, c := range l.columns() {
		names = append(names, c.name)
	}
	return names
}

func integer(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }

// timeUnits says how the next two write times.
const timeUnits = "sums in s, other times in ms"

func inSeconds(v float64) string { return digits(v) }

func inMilliseconds(v float64) string { return digits(1000 * v) }

// digits has those that matter: three, and none behind the third after the point.
func digits(v float64) string {
	after := 3
	for limit := 1.0; v >= limit && after > 0; limit *= 10 {
		after--
	}
	return strconv.FormatFloat(v, 'f', after, 64)
}

// size writes bytes with a unit of 1000.
func size(v float64) string {
	units := []string{"", "k", "M", "G", "T"}
	i := 0
	for v >= 1000 && i < len(units)-1 {
		v, i = v/1000, i+1
	}
	if i == 0 {
		return integer(v)
	}
	return fmt.Sprintf("%.1f%s", v, units[i])
}
