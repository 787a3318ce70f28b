package watch

import (
	"math"
	"testing"
	"time"
)

func TestCount(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 5: "5", 0.25: "0.2", 99.94: "99.9", 99.5: "99.5", 100.4: "100",
		999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100",
	} {
		if got := count(n); got != want {
			t.Errorf("count(%v) is %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0 s", 1e-9: "0 s", 2.5e-6: "2.5 us", 42e-6: "42 us", 0.0012: "1.2 ms", 0.0304: "30 ms",
		0.9996: "1,000 ms", 1: "1.0 s", 9.94: "9.9 s", 12.4: "12 s", 3600: "3,600 s",
	} {
		if got := duration(seconds); got != want {
			t.Errorf("duration(%v) is %q, want %q", seconds, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[float64]string{
		0: "0 B", 999: "999 B", 999.6: "1.0 kB", 1234: "1.2 kB", 98765: "99 kB", 3.2e9: "3.2 GB", 5e15: "5000 TB",
	} {
		if got := size(bytes); got != want {
			t.Errorf("size(%v) is %q, want %q", bytes, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	if got := age(90*time.Second + 900*time.Millisecond); got != "1m30s" {
		t.Errorf("age is %q", got)
	}
	if got := age(-time.Hour); got != "0s" {
		t.Errorf("age of what began later is %q: clocks differ", got)
	}
}

func TestClean(t *testing.T) {
	const bell, fullSpace, override = "\a", "\u3000", "\u202e"
	for text, want := range map[string]string{
		"as it was, 日本 ▁█":      "as it was, 日本 ▁█",
		"\x1b[2J\tx\r\n" + bell: "?[2J?x???",
		"a" + override + "b":    "a?b",
		"\u009b31m":             "?31m",
		"\x9b31m":               "\ufffd31m", // no UTF-8
		"a" + fullSpace + "b":   "a" + fullSpace + "b",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) is %q, want %q", text, got, want)
		}
	}
}

func TestSparkline(t *testing.T) {
	unknown := math.NaN()
	for _, c := range []struct {
		values []float64
		width  int
		want   string
	}{
		{nil, 5, ""},
		{[]float64{0, 0}, 5, "▁▁"},
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 8, "▁▂▃▄▅▆▇█"},
		{[]float64{700, 1, 7}, 2, "▂█"},
		{[]float64{unknown, 1, unknown, 2}, 9, " ▅ █"},
		{[]float64{unknown}, 1, " "},
		{[]float64{1, 2}, 0, ""},
	} {
		if got := sparkline(c.values, c.width); got != c.want {
			t.Errorf("sparkline of %v in %d is %q, want %q", c.values, c.width, got, c.want)
		}
	}
}
