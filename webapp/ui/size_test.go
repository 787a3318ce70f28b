package ui_test

import (
	"flag"
	"io/fs"
	"strings"
	"testing"

	"isuride/webapp/servertest"
	"isuride/webapp/ui"
)

// largest is what the first page may take over the wire, all included: a second of a slow
// phone's connection.
const largest = 80 << 10

func TestSize(t *testing.T) {
	if _, err := fs.Stat(ui.Files(), "index.html"); err != nil {
		t.Skip("the interface is not built: make interface")
	}
	for _, packed := range []string{".br", ".gz"} {
		var sum int64
		err := fs.WalkDir(ui.Files(), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, packed) {
				return err
			}
			info, err := d.Info()
			sum += info.Size()
			return err
		})
		if err != nil || sum == 0 || sum > largest {
			t.Errorf("with %s the first page is %d bytes, %d may be (%v)", packed, sum, largest, err)
		}
	}
}

var measure = flag.Bool("measure", false, "run the benchmarks of the browser, which want the machine for themselves")

// BenchmarkCity shows 2,000 moving chairs, each in a ride, for ten seconds (make ui-bench).
func BenchmarkCity(b *testing.B) {
	if !*measure {
		b.Skip("it wants the machine for itself: make ui-bench")
	}
	needsBrowser(b)
	for b.Loop() {
		for unit, value := range play(b, servertest.New(b), "bench", b.TempDir()) {
			b.ReportMetric(value, unit)
		}
	}
	b.ReportMetric(0, "ns/op")
}
