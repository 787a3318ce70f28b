package report

import (
	"testing"

	"isuride/bench/world"
)

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 1234567: "1,234,567", -12: "-12", -123: "-123", -1234: "-1,234"} {
		if got := count(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 3: "3", 0.1234: "0.123", 12.345: "12.35", 123.45: "123.5", 1234.5: "1,235", -12.345: "-12.35"} {
		if got := Number(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
	for d, want := range map[world.Instant]string{0: "0.00", 1234: "1.23", 12345: "12.3", 123456: "123", 12345678: "12,346"} {
		if got := millisText(d); got != want {
			t.Errorf("%v us is %s ms, want %s", d, got, want)
		}
	}
}
