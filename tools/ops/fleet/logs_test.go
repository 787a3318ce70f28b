package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/topology"
)

func TestTailLogs(t *testing.T) {
	var out strings.Builder
	h := fleettest.Serving(t)
	h.Program("journalctl", `printf 'first\nlevel=ERROR msg=%s\nlast\n' "$2"`)
	if err := call(t.Context(), "logs", newFleet(h, &out), []string{"-n", "1"}); err != nil {
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
	h := fleettest.NewHost(t)
	for _, line := range []string{"begin", "start now", "collect", "access", "slow maybe", "-n 0", "-n x"} {
		if err := call(t.Context(), "logs", newFleet(h, &out), strings.Fields(line)); err == nil || !strings.Contains(err.Error(), "usage: fleet logs [-n LINES]") {
			t.Errorf("logs %s: %v", line, err)
		}
	}
}

func TestStartLogs(t *testing.T) {
	var out strings.Builder
	h := fleettest.Serving(t)
	for range 2 {
		if err := call(t.Context(), "logs", newFleet(h, &out), []string{"start"}); err != nil {
			t.Fatal(err)
		}
	}
	if id, _, ok := strings.Cut(h.Read("/var/log/isuride-run"), " "); !ok || len(id) != len("20060102-150405-abcd") {
		t.Errorf("the run is marked as %q", id)
	}
}

func TestCollectLogs(t *testing.T) {
	var out strings.Builder
	dir := filepath.Join(t.TempDir(), "logs")
	if err := call(t.Context(), "logs", newFleet(fleettest.Serving(t), &out), []string{"collect", dir}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "s1", "nginx.log")); err != nil || string(b) != "journal of nginx.service\n" {
		t.Errorf("nginx's journal is %q (%v)", b, err)
	}
}

func TestSwitchLogs(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", ".."))
	var out strings.Builder
	h := fleettest.Serving(t)
	if err := call(t.Context(), "logs", newFleet(h, &out), []string{"slow", "off"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(h.Read("calls"), "GLOBAL slow_query_log = 0") {
		t.Errorf("the slow query log was not switched off: %s", h.Read("calls"))
	}
	h.Write("/etc/nginx/nginx.conf", "user nobody;\n")
	if err := call(t.Context(), "logs", newFleet(h, &out), []string{"access", "on"}); err == nil || !strings.Contains(err.Error(), "s1: cannot switch the access log on") {
		t.Errorf("a foreign configuration of nginx: %v", err)
	}
	without := newFleet(h, &out)
	without.topology.Hosts[0].Roles = []topology.Role{topology.TLS, topology.App, topology.DB}
	if err := call(t.Context(), "logs", without, []string{"access", "on"}); err == nil || !strings.Contains(err.Error(), "there is no nginx") {
		t.Errorf("without nginx: %v", err)
	}
}
