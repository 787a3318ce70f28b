package revive

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/bound"
	"isuride/tools/ops/fleet/fleettest"
	"isuride/tools/ops/fleet/topology"
)

func host(name string, roles ...topology.Role) topology.Host {
	return topology.Host{Name: name, Login: name, Address: netip.MustParseAddr("192.0.2.1"), Roles: roles}
}

func alone() *topology.Topology {
	return &topology.Topology{Hosts: []topology.Host{host("s1", topology.Front, topology.App, topology.DB)}}
}

const well = "boot 1a 77\nunit mariadb.service active enabled 10\nunit isuride-go.service active enabled 11\nhealth 200\n"

func TestFault(t *testing.T) {
	for text, want := range map[string]string{
		well: "",
		strings.Replace(well, "isuride-go.service active", "isuride-go.service failed", 1): "isuride-go.service is failed; journalctl -u isuride-go.service says why",
		strings.Replace(well, "200", "503", 1):                                             "the server's health is 503; journalctl -u isuride-go.service may say why",
		"boot 1a 77\n":                                                                     "it does not say which services it has",
	} {
		got := ""
		if err := parse(text).Fault(host("s1", topology.App)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("the fault of\n%sis %q, want %q", text, got, want)
		}
	}
	if err := parse(strings.Replace(well, "200", "000", 1)).Fault(host("s2", topology.DB)); err != nil {
		t.Errorf("a host without a server needs one: %v", err)
	}
}

func TestAbsent(t *testing.T) {
	if got := parse(well).Absent(); got != "" {
		t.Errorf("%s is absent after a reboot, though all are enabled", got)
	}
	if got := parse(strings.Replace(well, "active enabled 10", "active disabled 10", 1)).Absent(); got != "mariadb.service" {
		t.Errorf("%q is absent after a reboot instead of the database", got)
	}
}

func TestCameBack(t *testing.T) {
	restarted, rebooted := strings.Replace(well, " 11\n", " 12\n", 1), strings.Replace(well, "1a 77", "1a 78", 1)
	for _, c := range []struct {
		name string
		how  Interruption
		now  string
		want bool
	}{
		{"reboot, nothing yet", Reboot(), well, false},
		{"reboot, only restarted", Reboot(), restarted, false},
		{"reboot", Reboot(), rebooted, true},
		{"kill, nothing yet", Kill(), well, false},
		{"kill", Kill(), restarted, true},
		{"restart of a host without a server", Restart(), "unit nginx.service active enabled 5\n", true},
	} {
		if got := parse(c.now).cameBack(parse(well), c.how); got != c.want {
			t.Errorf("%s: the host has gone through it: %v", c.name, got)
		}
	}
}

// TestKill kills a real process.
func TestKill(t *testing.T) {
	h := fleettest.Serving(t)
	server := bound.Command(t, "sleep", "1000")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	h.Program("systemctl", fmt.Sprintf(`case $1-$3 in
	is-active-*) echo active ;;
	is-enabled-*) echo enabled ;;
	show-MainPID) if kill -0 %[1]d 2>/dev/null; then echo %[1]d; else echo 4242; fi ;;
	esac`, server.Process.Pid))
	before, err := Look(t.Context(), h.Remote(), alone().Hosts[0])
	if err != nil {
		t.Fatal(err)
	}
	looks := 0
	err = Interrupt(t.Context(), h.Remote(), alone(), Kill(), []State{before}, func(context.Context) error {
		if looks++; looks > 1 {
			return errors.New("still not back")
		}
		_ = server.Wait() // it was killed
		return nil
	})
	if err != nil || looks != 1 || !strings.Contains(server.ProcessState.String(), "killed") {
		t.Errorf("after the kill (%v) and %d pauses the server's state is %v", err, looks, server.ProcessState)
	}
}

func TestKillNeedsServer(t *testing.T) {
	h := fleettest.Serving(t)
	h.Program("systemctl", "echo 0")
	err := Interrupt(t.Context(), h.Remote(), alone(), Kill(), []State{{}}, func(context.Context) error { return nil })
	if err == nil || err.Error() != "s1: cannot kill the server: the server does not run" {
		t.Errorf("without a server: %v", err)
	}
}

func TestReboot(t *testing.T) {
	const file = "/var/log/rebooted"
	h := fleettest.Serving(t)
	h.Program("setsid", "echo yes >"+file)
	h.Program("cat", `if [[ $1 == */boot_id && -s `+file+` ]]; then echo 2b; else exec /bin/cat "$@"; fi`)
	before, err := Look(t.Context(), h.Remote(), alone().Hosts[0])
	if err != nil {
		t.Fatal(err)
	}
	err = Interrupt(t.Context(), h.Remote(), alone(), Reboot(), []State{before}, func(context.Context) error {
		for h.Read(file) == "" { // the script has ended, what it left behind may not have begun
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !h.Called("setsid bash -c sleep 1; systemctl reboot") {
		t.Errorf("the host was not told to reboot: %s", h.Read("calls"))
	}
}

func TestRestart(t *testing.T) {
	h := fleettest.Serving(t)
	before := State{units: []unit{{"isuride-go.service", "active", "enabled", "1"}}}
	if err := Interrupt(t.Context(), h.Remote(), alone(), Restart(), []State{before}, func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	var order []string
	for line := range strings.Lines(h.Read("calls")) {
		if unit, ok := strings.CutPrefix(line, "systemctl restart "); ok {
			order = append(order, strings.TrimSpace(unit))
		}
	}
	if got := strings.Join(order, " "); !strings.HasSuffix(got, ".service isuride-payment_mock.service isuride-go.service nginx.service") || len(order) != 4 {
		t.Errorf("restarted in this order: %s", got)
	}
}

func TestNeverBack(t *testing.T) {
	h := fleettest.Serving(t)
	before, err := Look(t.Context(), h.Remote(), alone().Hosts[0])
	if err != nil {
		t.Fatal(err)
	}
	h.Program("systemctl", `[[ $1 != is-active ]] || { echo failed; exit 3; }`)
	h.Program("setsid", "")
	err = Interrupt(t.Context(), h.Remote(), alone(), Reboot(), []State{before}, Patience(0))
	if err == nil || !strings.HasPrefix(err.Error(), "s1: cannot reboot and come back: not within 0s: ") || !strings.Contains(err.Error(), "is failed") {
		t.Errorf("a host on which a service fails: %v", err)
	}
}

// TestTogether has two hosts, of which only one has the server.
func TestTogether(t *testing.T) {
	two := &topology.Topology{Hosts: []topology.Host{host("front", topology.Front), host("back", topology.App, topology.DB)}}
	for _, c := range []struct {
		how  Interruption
		want string
	}{{Reboot(), "back front"}, {Kill(), "back"}} {
		var names []string
		for _, h := range inOrder(two, c.how) {
			names = append(names, h.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s interrupts %s, want %s", c.how.step, got, c.want)
		}
	}
}
