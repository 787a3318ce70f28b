package main

import (
	"strings"
	"testing"

	"isuride/tools/fleet/hosttest"
)

func TestTailLogs(t *testing.T) {
	var out strings.Builder
	h := hosttest.Serving(t)
	h.Program("journalctl", `printf 'first\nlevel=ERROR msg=%s\nlast\n' "$2"`)
	if err := showLogs(t.Context(), newFleet(h, &out), []string{"-n", "1"}); err != nil {
		t.Fatal(err)
	}
	failures, tails, _ := strings.Cut(out.String(), "\n\n")
	if want := "s1 isuride-go: level=ERROR msg=isuride-go.service"; !strings.Contains(failures, want) || strings.Contains(failures, "first") {
		t.Errorf("among the failures %q is missing:\n%s", want, failures)
	}
	if want := "== s1 nginx\nlast\n"; !strings.Contains(tails, want) || strings.Contains(tails, "ERROR") {
		t.Errorf("%q is missing at the ends:\n%s", want, tails)
	}
}

func TestLogsUsage(t *testing.T) {
	var out strings.Builder
	h := hosttest.New(t)
	for _, line := range []string{"begin", "start now", "collect", "access", "slow maybe", "-n 0", "-n x"} {
		if err := showLogs(t.Context(), newFleet(h, &out), strings.Fields(line)); err != errLogsUsage {
			t.Errorf("logs %s: %v", line, err)
		}
	}
}

func TestStartLogs(t *testing.T) {
	var out strings.Builder
	h := hosttest.Serving(t)
	for range 2 {
		if err := showLogs(t.Context(), newFleet(h, &out), []string{"start"}); err != nil {
			t.Fatal(err)
		}
	}
	if id, _, ok := strings.Cut(h.Read("/var/log/isuride-run"), " "); !ok || len(id) != len("20060102-150405-abcd") {
		t.Errorf("the run is marked as %q", id)
	}
}
