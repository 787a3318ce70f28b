package ui_test

import (
	"flag"
	"io/fs"
	"strings"
	"testing"
	"time"

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

var (
	soak    = flag.Duration("soak", 0, "how long the page of TestSoak stays open, 10m for instance; 0 skips it")
	measure = flag.Bool("measure", false, "run the benchmarks of the browser, which want the machine for themselves")
)

// mostGrowth is what the page may keep more than after its first minute, in MB.
const mostGrowth = 20

// TestSoak keeps the city's page open while a city lives (make ui-soak).
func TestSoak(t *testing.T) {
	if *soak < 2*time.Minute {
		t.Skip("it takes as long as -soak says, 2m at least: make ui-soak")
	}
	needsBrowser(t)
	f := launch(t).play(t, servertest.New(t), "soak", t.TempDir())
	t.Logf("%v: %v", *soak, f)
	if growth := f["MB-at-the-end"] - f["MB-after-a-minute"]; f["MB-at-the-end"] == 0 || growth > mostGrowth {
		t.Errorf("the page keeps %.1f MB more than after a minute, %d may be", growth, mostGrowth)
	}
	if f["copies-equal"] == 0 || f["copies-different"] > 0 {
		t.Errorf("its copy was compared with the server's table: %v times equal, %v times not", f["copies-equal"], f["copies-different"])
	}
}

// The bars of BenchmarkCity.
const (
	leastFrames = 50  // a second
	mostMain    = 8   // ms of the main thread, all included, for a frame
	mostWait    = 500 // ms from the address to the first picture with chairs
)

// BenchmarkCity shows 2,000 moving chairs, each in a ride, for ten seconds (make ui-bench).
func BenchmarkCity(b *testing.B) {
	if !*measure {
		b.Skip("it wants the machine for itself: make ui-bench")
	}
	needsBrowser(b)
	for b.Loop() {
		f := launch(b).play(b, servertest.New(b), "bench", b.TempDir())
		for unit, value := range f {
			b.ReportMetric(value, unit)
		}
		if f["frames/s"] < leastFrames || f["main-ms/frame"] > mostMain || f["ms-to-chairs"] > mostWait {
			b.Errorf("%v: the bars are %d frames/s, %d main-ms/frame, %d ms-to-chairs", f, leastFrames, mostMain, mostWait)
		}
	}
	b.ReportMetric(0, "ns/op")
}
