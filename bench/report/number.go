package report

import (
	"math"
	"strconv"

	"isuride/bench/world"
)

// count writes a number with separators: 1,234,567.
func count(n int) string {
	s := strconv.Itoa(n)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Number writes a figure with about four significant digits, or all of those before the point.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1000 || v == math.Trunc(v):
		return count(int(math.Round(v)))
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

func millis(d world.Instant) float64 { return float64(d) / float64(world.Millisecond) }

// millisText writes a duration in milliseconds with three significant digits where there are so many.
func millisText(d world.Instant) string {
	ms := millis(d)
	switch {
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 2, 64)
	case ms < 100:
		return strconv.FormatFloat(ms, 'f', 1, 64)
	}
	return count(int(ms + 0.5))
}
