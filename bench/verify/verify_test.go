package verify

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestMain lets the garbage collector run less often: two hundred whole runs, each with a thousand short-lived
// exchanges, spend 40 % of their time in it otherwise.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}

// check runs everything against a fake in virtual time.
func check(t *testing.T, f fault) Report {
	t.Helper()
	var report Report
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := newFake(p, f, f.polling)
		defer s.close()
		r, err := run(context.Background(), Options{Target: "http://isuride", PaymentListen: "gateway:80"}, p.network())
		if err != nil {
			t.Fatal(err)
		}
		report = r
	})
	return report
}

func TestRightServer(t *testing.T) {
	for _, polling := range []bool{false, true} {
		r := check(t, fault{polling: polling})
		for _, x := range r.Results {
			if x.Outcome != OK && x.Outcome != Skip {
				t.Errorf("%s is %s: %s\n%q", x.Rule, x.Outcome, x.Got, x.Exchange)
			}
		}
		t.Logf("polling %v: %d rules, %v, %.1f s of virtual time", polling, len(r.Results), r.Counts, r.Seconds)
	}
}

// TestFaults breaks one rule at a time: the lines that fail have to be those of the fault and no others.
func TestFaults(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.title(), func(t *testing.T) {
			t.Parallel()
			r := check(t, f)
			var failed []string
			var blocked []string
			for _, x := range r.Results {
				switch x.Outcome {
				case Fail, Note:
					failed = append(failed, x.Rule)
				case Blocked:
					blocked = append(blocked, x.Rule+": "+x.Got)
				}
			}
			wanted := strings.Fields(f.fails)
			slices.Sort(failed)
			slices.Sort(wanted)
			if !slices.Equal(failed, wanted) {
				t.Errorf("failed %q, wanted %q", failed, wanted)
			}
			if (len(blocked) > 0) != f.blocks {
				t.Errorf("%d rules were not reached: %q", len(blocked), blocked)
			}
		})
	}
}
