package main

import (
	"math"
	"strconv"
	"strings"
)

// unit formats values for people: a value gets the symbol of the largest scale it
// reaches.
type unit struct {
	base   float64 // steps of an axis are round numbers in this base: 10, or 2 for bytes
	scales []scale // ascending
	after  string  // written after the symbol
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

// unitOf returns the unit with this Grafana name, among those the dashboard uses. Any
// other is a plain number.
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

// scaleFor returns the largest scale that v reaches, or the smallest if it reaches none.
func (u unit) scaleFor(v float64) scale {
	best := u.scales[0]
	for _, s := range u.scales {
		if math.Abs(v) >= s.of*0.9995 { // 999.9 ms is written as 1 s
			best = s
		}
	}
	return best
}

// text formats v with three significant digits.
func (u unit) text(v float64) string {
	if v == 0 {
		return "0" + u.after
	}
	return u.in(u.scaleFor(v), v, 3)
}

// in formats v on a given scale.
func (u unit) in(s scale, v float64, digits int) string {
	v /= s.of
	before := 1 // digits before the decimal point
	if abs := math.Abs(v); abs >= 10 {
		before = int(math.Floor(math.Log10(abs))) + 1
	}
	number := strconv.FormatFloat(v, 'f', max(digits-before, 0), 64)
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + s.symbol + u.after
}
