package main

import (
	"encoding/json"
	"strings"
	"testing"

	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/release"
)

const group = "s1 a@a 10.0.0.1 front,app\ns2 a@a 10.0.0.2 app\ns3 a@a 10.0.0.3 witness,db\n"

// newGroup is a group whose servers are well, and of which s1 leads and s2 is its heir.
func newGroup(t *testing.T) (*fleettest.Hosts, *fleet, *strings.Builder) {
	t.Helper()
	hs, out := fleettest.New(t, group), new(strings.Builder)
	for _, h := range hs.Servers() {
		hs.Put(h.Name, "/home/isucon/webapp/current/isuride", "healthy")
	}
	hs.Put("s1", "/leads", "")
	hs.Put("s1", "/heir", "s2")
	return hs, &fleet{hs.Topology, hs.Remote(), out}, out
}

// TestPromote: by name, or whichever is best; who leads is asked for afterwards.
func TestPromote(t *testing.T) {
	t.Parallel()
	hs, f, out := newGroup(t)
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "s2 leads\n"},
		{[]string{"s1"}, "s1 leads\n"},
		{[]string{"s1"}, "s1 leads already\n"},
	} {
		out.Reset()
		if err := call(t.Context(), "promote", f, c.args); err != nil || out.String() != c.says {
			t.Errorf("promote %v: %v, %q; want %q", c.args, err, out, c.says)
		}
	}
	if calls := strings.Join(hs.Calls("s2"), "\n"); !strings.Contains(calls, "promote s1") {
		t.Errorf("on s2: %s", calls)
	}
}

// TestPromoteRefuses what cannot lead, by name.
func TestPromoteRefuses(t *testing.T) {
	t.Parallel()
	_, f, _ := newGroup(t)
	for to, says := range map[string]string{
		"s3": "s3 does not have the role app, and so cannot lead",
		"s4": `there is no host "s4" in the hosts file`,
	} {
		if err := call(t.Context(), "promote", f, []string{to}); err == nil || err.Error() != says {
			t.Errorf("promote %s: got %v, want %s", to, err, says)
		}
	}
	alone := &fleet{oneHost(), f.remote, f.out}
	if err := call(t.Context(), "promote", alone, nil); err == nil || !strings.HasPrefix(err.Error(), "s1 is alone: give the role app to more hosts") {
		t.Errorf("one server: %v", err)
	}
}

// TestStatusOfAGroup says who leads.
func TestStatusOfAGroup(t *testing.T) {
	t.Parallel()
	_, f, out := newGroup(t)
	if err := call(t.Context(), "status", f, []string{"-json"}); err != nil {
		t.Fatal(err)
	}
	var states []release.ServiceState
	if err := json.Unmarshal([]byte(out.String()), &states); err != nil {
		t.Fatal(err)
	}
	leaders := ""
	for _, s := range states {
		if s.Leads {
			leaders += s.Host + " " + s.Unit
		}
		if (s.Unit == "isuride-go.service") != (s.Says != "") {
			t.Errorf("%s of %s says %q", s.Unit, s.Host, s.Says)
		}
	}
	if leaders != "s1 isuride-go.service" {
		t.Errorf("%q lead", leaders)
	}
	out.Reset()
	if err := call(t.Context(), "status", f, nil); err != nil || !strings.Contains(out.String(), "\n* s1: ok\n") || !strings.Contains(out.String(), "\n  s2: ok\n") {
		t.Errorf("%v:\n%s", err, out)
	}
}
