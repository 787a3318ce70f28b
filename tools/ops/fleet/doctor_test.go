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
	"isuride/tools/ops/fleet/hosttest"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// nowhere is where nobody listens.
var nowhere = netip.MustParseAddr("127.255.255.254")

func TestExamine(t *testing.T) {
	var out strings.Builder
	f := newFleet(hosttest.Serving(t), &out)
	f.Hosts[0].Address = nowhere
	// What the stand-ins say is not all well; what matters is that it is said.
	if err := examine(t.Context(), f, []string{"-json"}); err == nil || !strings.Contains(err.Error(), "bad findings: ") {
		t.Errorf("bad findings give %v", err)
	}
	var list []doctor.Finding
	if err := json.Unmarshal([]byte(out.String()), &list); err != nil || len(list) < 20 {
		t.Errorf("there are %d findings (%v):\n%s", len(list), err, &out)
	}
}

func TestExamineSilentHost(t *testing.T) {
	var out strings.Builder
	f := newFleet(hosttest.New(t), &out)
	f.Hosts[0].Address = nowhere
	f.Remote = &remote.Remote{Out: &out, Command: func(ctx context.Context, _ topology.Host, _ string) *exec.Cmd {
		return exec.CommandContext(ctx, "bash", "-c", "cat >/dev/null; echo No route to host >&2; exit 255")
	}}
	err := examine(t.Context(), f, nil)
	if err == nil || err.Error() != "bad findings: 1" || !strings.Contains(out.String(), "No route to host") {
		t.Errorf("a host that does not answer: %v\n%s", err, &out)
	}
}

func TestExamineUsage(t *testing.T) {
	var out strings.Builder
	if err := examine(t.Context(), newFleet(hosttest.New(t), &out), []string{"please"}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("an argument gives %v", err)
	}
}
