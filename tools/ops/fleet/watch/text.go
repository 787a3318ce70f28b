package watch

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// count writes a number with separators, and one digit after the point if it is small.
func count(n float64) string {
	if n != math.Trunc(n) && math.Abs(n) < 100 {
		return strconv.FormatFloat(n, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(math.Round(n), 'f', 0, 64)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func rate(n float64) string { return count(n) + "/s" }

// share is a number of processors.
func share(n float64) string { return strconv.FormatFloat(n, 'f', 2, 64) }

// percent is a part as a percentage of the whole.
func percent(part, whole float64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*part/whole)
}

// duration writes two or three significant digits.
func duration(seconds float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}} {
		n := seconds / unit.size
		switch {
		case n >= 99.5:
			return count(math.Round(n)) + " " + unit.name
		case n >= 9.95:
			return fmt.Sprintf("%.0f %s", n, unit.name)
		case n >= 1:
			return fmt.Sprintf("%.1f %s", n, unit.name)
		}
	}
	return "0 s"
}

// size writes bytes in decimal units.
func size(bytes float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for ; bytes >= 999.5 && i < len(units)-1; i++ {
		bytes /= 1000
	}
	if bytes < 9.95 && i > 0 {
		return fmt.Sprintf("%.1f %s", bytes, units[i])
	}
	return fmt.Sprintf("%.0f %s", bytes, units[i])
}

// age writes a time in whole seconds.
func age(d time.Duration) string { return max(d, 0).Truncate(time.Second).String() }

// clean makes text from a host safe for one line of a terminal: without control
// characters and others that move what follows.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != ' ' && !unicode.IsGraphic(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '?'
		}
		return r
	}, text)
}

var levels = []rune("▁▂▃▄▅▆▇█")

// sparkline draws the last values, one per character, relative to the largest of them. A
// space is an unknown value, NaN.
func sparkline(values []float64, width int) string {
	values = values[max(0, len(values)-width):]
	top := 0.0
	for _, v := range values {
		top = max(top, known(v))
	}
	line := make([]rune, len(values))
	for i, v := range values {
		switch {
		case math.IsNaN(v):
			line[i] = ' '
		case v <= 0:
			line[i] = levels[0]
		default:
			line[i] = levels[int(math.Round(v/top*float64(len(levels)-1)))]
		}
	}
	return string(line)
}

func known(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
