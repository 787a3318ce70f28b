package systemctl

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"isuride/tools/ops/lab/journal"
	"isuride/tools/ops/lab/supervisor"
)

// TestMain: the test binary also stands between fork and exec.
func TestMain(m *testing.M) {
	if supervisor.IsLaunch() {
		supervisor.Launch()
	}
	os.Exit(m.Run())
}

const (
	sleeper = "[Unit]\nDescription=Sleeper\n[Service]\nExecStart=/bin/sleep 1000\nExecReload=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
	failer  = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 3'\n"
)

func newServer(t *testing.T) *Server {
	t.Helper()
	dir := t.TempDir()
	j, err := journal.Open(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"sleeper": sleeper, "failer": failer} {
		if err := os.WriteFile(filepath.Join(dir, name+".service"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := supervisor.New(supervisor.Config{Units: []string{dir}, Runtime: dir, Journal: j, Helper: []string{program}})
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	booted := make(chan struct{})
	close(booted)
	return &Server{Supervisor: s, Journal: filepath.Join(dir, "journal"), Booted: booted}
}

// TestConversation is what a person would type, with the answers that systemd gives.
func TestConversation(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		line, out string // out is all of it, or a part if it begins with "..."
		complaint string // a part
		exit      int
	}{
		{"is-active sleeper", "inactive\n", "", 3},
		{"is-active missing", "inactive\n", "", 3},
		{"is-enabled sleeper", "disabled\n", "", 1},
		{"is-enabled missing", "", "No such file or directory", 1},
		{"start missing", "", "Unit missing.service not found", 5},
		{"status missing", "", "Unit missing.service could not be found", 4},
		{"enable --now sleeper.service", "", "", 0},
		{"is-enabled sleeper", "enabled\n", "", 0},
		{"is-active sleeper missing", "active\ninactive\n", "", 0},
		{"is-active --quiet sleeper", "", "", 0},
		{"show sleeper -p SubState,ActiveState", "ActiveState=active\nSubState=running\n", "", 0},
		{"show --property=NRestarts --value sleeper", "0\n", "", 0},
		{"show -P LoadState missing", "not-found\n", "", 0},
		{"show -p Nonsense sleeper", "", "", 0},
		{"status sleeper", "...Active: active (running)", "", 0},
		{"reload sleeper", "", "", 0},
		{"try-reload-or-restart sleeper", "", "", 0},
		{"restart sleeper", "", "", 0},
		{"is-system-running", "running\n", "", 0},
		{"start failer", "", "Job for failer.service failed because the control process exited with error code.", 1},
		{"is-failed failer", "failed\n", "", 0},
		{"is-failed sleeper", "active\n", "", 1},
		{"show failer -p Result -p ActiveState", "Result=exit-code\nActiveState=failed\n", "", 0},
		{"list-units --state=failed --no-legend", "  failer.service loaded failed failed \n", "", 0},
		{"is-system-running", "degraded\n", "", 1},
		{"reset-failed", "", "", 0},
		{"list-units --failed", "", "", 0},
		{"kill -s KILL --kill-whom=main failer", "", "No main process", 1},
		{"stop sleeper", "", "", 0},
		{"try-restart sleeper", "", "", 0},
		{"is-active sleeper", "inactive\n", "", 3},
		{"disable sleeper", "", "", 0},
		{"is-enabled sleeper", "disabled\n", "", 1},
		{"daemon-reload", "", "", 0},
		{"isolate rescue.target", "", "Unknown command verb", 1},
		{"start --nonsense sleeper", "", "unrecognized option", 1},
	} {
		a := s.Answer(t.Context(), strings.Fields(c.line), true)
		part, isPart := strings.CutPrefix(c.out, "...")
		if isPart && !strings.Contains(a.Out, part) || !isPart && a.Out != c.out {
			t.Errorf("%s: prints %q, want %q", c.line, a.Out, c.out)
		}
		if !strings.Contains(a.Complaints, c.complaint) || c.complaint == "" && a.Complaints != "" || a.Exit != c.exit {
			t.Errorf("%s: status %d, complains %q", c.line, a.Exit, a.Complaints)
		}
	}
}

func TestOnlyRootChanges(t *testing.T) {
	s := newServer(t)
	for _, line := range []string{"start sleeper", "daemon-reload", "reboot", "enable sleeper", "kill sleeper"} {
		a := s.Answer(t.Context(), strings.Fields(line), false)
		if a.Exit == 0 || a.Power != StayOn || !strings.Contains(a.Complaints, "authentication required") {
			t.Errorf("%s: %+v", line, a)
		}
	}
	if a := s.Answer(t.Context(), []string{"is-active", "sleeper"}, false); a.Out != "inactive\n" {
		t.Errorf("a question: %+v", a)
	}
}

func TestSocket(t *testing.T) {
	s := newServer(t)
	dir, err := os.MkdirTemp("", "lab") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "socket")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan Power, 1)
	go s.Serve(t.Context(), l, func(p Power) { asked <- p })
	defer l.Close()
	var out, complaints bytes.Buffer
	if exit := Client(path, []string{"is-active", "sleeper"}, &out, &complaints); exit != notActive || out.String() != "inactive\n" {
		t.Errorf("status %d, %q %q", exit, &out, &complaints)
	}
	if os.Geteuid() != 0 {
		return
	}
	if exit := Client(path, []string{"reboot"}, &out, &complaints); exit != 0 || <-asked != Reboot {
		t.Errorf("reboot: status %d, %q", exit, &complaints)
	}
}
