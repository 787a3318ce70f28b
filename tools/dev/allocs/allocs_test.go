package allocs

import "testing"

var kept []byte

func TestPerRun(t *testing.T) {
	other := 0
	for name, c := range map[string]struct {
		f    func()
		want float64
	}{
		"nothing": {func() {}, 0},
		"one":     {func() { kept = make([]byte, 100) }, 1},
		"others' at first": {func() {
			if other++; other < 500 {
				kept = make([]byte, 100)
			}
		}, 0},
	} {
		if got := PerRun(100, c.f); got != c.want {
			t.Errorf("%s: %v allocations, want %v", name, got, c.want)
		}
	}
}
