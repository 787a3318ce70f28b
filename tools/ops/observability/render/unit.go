package main

import (
	"math"
	"strconv"
	"strings"
)

// unit writes values as people read them: the symbol of a value is that of the largest
// scale it reaches.
type unit struct {
	base   float64 // of which the steps of an axis are round: 10, or 2 for bytes
	scales []scale // ascending
	after  string  // behind the symbol
}

type scale struct {
	of     float64
	symbol string
}

var (
	metric  = []scale{{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}}
	binary  = []scale{{1, " B"}, {1 << 10, " KiB"}, {1 << 20, " MiB"}, {1 << 30, " GiB"}}
	seconds = []scale{{1e-6, " µs"}, {1e-3, " ms"}, {1, " s"}}
)

// unitOf knows the units that the dashboard uses, by Grafana's names. Any other is a
// plain number.
func unitOf(name string) unit {
	switch name {
	case "s":
		return unit{10, seconds, ""}
	case "bytes":
		return unit{2, binary, ""}
	case "Bps":
		return unit{2, binary, "/s"}
	case "ops", "reqps":
		return unit{10, metric, "/s"}
	}
	return unit{10, metric, ""}
}

// scaleFor is the largest scale that v reaches, the smallest if none.
func (u unit) scaleFor(v float64) scale {
	best := u.scales[0]
	for _, s := range u.scales {
		if math.Abs(v) >= s.of*0.9995 { // 999.9 ms are written 1 s
			best = s
		}
	}
	return best
}

// text has three digits that matter.
func (u unit) text(v float64) string {
	if v == 0 {
		return "0" + u.after
	}
	return u.in(u.scaleFor(v), v, 3)
}

// in writes v on a given scale.
func (u unit) in(s scale, v float64, digits int) string {
	v /= s.of
	before := 1 // digits before the point
	if abs := math.Abs(v); abs >= 10 {
		before = int(math.Floor(math.Log10(abs))) + 1
	}
	number := strconv.FormatFloat(v, 'f', max(digits-before, 0), 64)
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + s.symbol + u.after
}
