package report

import (
	"fmt"
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

// Number writes a figure with about four significant digits, or all digits before the
// point.
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

// Short is for tables with many figures: whole numbers from a hundred on, else at most
// two digits after the point.
func Short(v float64) string {
	if v >= 100 {
		return count(int(math.Round(v)))
	}
	return strconv.FormatFloat(float64(int(100*v+0.5))/100, 'f', -1, 64)
}

// share is part/all, 0 of nothing.
func share(part, all int) float64 {
	if all == 0 {
		return 0
	}
	return float64(part) / float64(all)
}

// percent writes a share.
func percent(part, all int) string { return fmt.Sprintf("%.1f %%", 100*share(part, all)) }

func millis(d world.Instant) float64 { return float64(d) / float64(world.Millisecond) }

// millisText writes a duration in milliseconds with three significant digits if it has as
// many.
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
