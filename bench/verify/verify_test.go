package verify

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// TestMain makes the garbage collector run less often: fifty whole runs, each with a
// thousand short-lived exchanges, otherwise spend 40 % of their time in it.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	m.Run()
}

// check runs everything against a fake with some faults in virtual time.
func check(t *testing.T, polling bool, faults ...fault) Report {
	t.Helper()
	var report Report
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := newFake(p, polling, faults)
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
		r := check(t, polling)
		for _, x := range r.Results {
			if x.Outcome != OK && x.Outcome != Skip {
				t.Errorf("%s is %s: %s\n%q", x.Rule, x.Outcome, x.Got, x.Exchange)
			}
		}
		t.Logf("polling %v: %d rules, %v, %.1f s of virtual time", polling, len(r.Results), r.Counts, r.Seconds)
	}
}

// TestFaults breaks every rule: the lines that fail have to be those of the fault and no
// others.
//
// Most faults disturb no other. So that this takes a fifth of the time, a server has
// several of them at first, of different parts of the specification; only if the lines
// are not those of all of them, each fault is tried alone.
func TestFaults(t *testing.T) {
	for i, group := range grouped(faults()) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			if len(group) > 1 && judge(check(t, false, group...), group...) == nil {
				return
			}
			for _, f := range group {
				t.Run(f.title(), func(t *testing.T) {
					if err := judge(check(t, f.polling, f), f); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// groupSize is well below 26, with which groups have to be split.
const groupSize = 8

// grouped puts those faults together that stand far from each other in the list.
func grouped(all []fault) (groups [][]fault) {
	var free []fault
	for _, f := range all {
		if f.polling || f.blocks {
			groups = append(groups, []fault{f})
		} else {
			free = append(free, f)
		}
	}
	n := (len(free) + groupSize - 1) / groupSize
	for i := range n {
		var group []fault
		for j := i; j < len(free); j += n {
			group = append(group, free[j])
		}
		groups = append(groups, group)
	}
	return groups
}

// judge compares the lines that fail with those that should.
func judge(r Report, faults ...fault) error {
	var failed, blocked, wanted []string
	blocks := false
	for _, f := range faults {
		wanted = append(wanted, strings.Fields(f.fails)...)
		blocks = blocks || f.blocks
	}
	for _, x := range r.Results {
		switch x.Outcome {
		case Fail, Note:
			failed = append(failed, x.Rule)
		case Blocked:
			blocked = append(blocked, x.Rule+": "+x.Got)
		}
	}
	slices.Sort(failed)
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	if !slices.Equal(failed, wanted) {
		return fmt.Errorf("failed %q, wanted %q", failed, wanted)
	}
	if (len(blocked) > 0) != blocks {
		return fmt.Errorf("%d rules were not reached: %q", len(blocked), blocked)
	}
	return nil
}
