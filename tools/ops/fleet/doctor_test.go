package main

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"context"

	"isuride/tools/ops/fleet/doctor"
	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// nowhere is an address at which nobody listens.
var nowhere = netip.MustParseAddr("127.255.255.254")

func TestExamine(t *testing.T) {
	var out strings.Builder
	f := newFleet(fleettest.Serving(t), &out)
	f.topology.Hosts[0].Address = nowhere
	// What the stand-ins say is not all well; what matters is that it is said.
	if err := call(t.Context(), "doctor", f, []string{"-json"}); err == nil || !strings.Contains(err.Error(), "bad findings: ") {
		t.Errorf("bad findings give %v", err)
	}
	var list []doctor.Finding
	if err := json.Unmarshal([]byte(out.String()), &list); err != nil || len(list) < 20 {
		t.Errorf("there are %d findings (%v):\n%s", len(list), err, &out)
	}
}

func TestExamineSilentHost(t *testing.T) {
	var out strings.Builder
	f := newFleet(fleettest.NewHost(t), &out)
	f.topology.Hosts[0].Address = nowhere
	f.remote = &remote.Remote{Out: &out, Command: func(ctx context.Context, _ topology.Host, _ string) *exec.Cmd {
		return exec.CommandContext(ctx, "bash", "-c", "cat >/dev/null; echo No route to host >&2; exit 255")
	}}
	err := call(t.Context(), "doctor", f, nil)
	if err == nil || err.Error() != "bad findings: 1" || !strings.Contains(out.String(), "No route to host") {
		t.Errorf("a host that does not answer: %v\n%s", err, &out)
	}
}

func TestExamineUsage(t *testing.T) {
	var out strings.Builder
	if err := call(t.Context(), "doctor", newFleet(fleettest.NewHost(t), &out), []string{"please"}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("an argument gives %v", err)
	}
}
