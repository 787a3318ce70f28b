package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"isuride/tools/dev/freeport"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
	"isuride/tools/ops/fleet/watch"
)

func TestWatchSaysWhatIsWrong(t *testing.T) {
	for want, args := range map[string][]string{
		"there is no hosts file":   {"-hosts", "no such file", "watch"},
		"-local 8081":              {"-hosts", "no such file", "watch", "-local", "8081"},
		"usage: fleet watch":       {"-hosts", "no such file", "watch", "everything"},
		"copy scripts/hosts.examp": {"-hosts", "no such file", "status"},
	} {
		var complaints bytes.Buffer
		if status := run(t.Context(), args, &complaints, &complaints); status == ok || !strings.Contains(complaints.String(), want) {
			t.Errorf("%q: exit status %d, %s", args, status, &complaints)
		}
	}
}

// reports calls each for every report that is written to it.
type reports func(watch.Report)

func (r reports) Write(p []byte) (int, error) {
	var report watch.Report
	if err := json.Unmarshal(p, &report); err != nil {
		return 0, err
	}
	r(report)
	return len(p), nil
}

// TestWatchHosts lets this machine play both hosts; on one of them bash is broken.
func TestWatchHosts(t *testing.T) {
	const hosts = "s1 isucon@192.0.2.1 192.0.2.1 front,app\ns2 isucon@192.0.2.2 192.0.2.2 db\n"
	topo, err := topology.Read(strings.NewReader(hosts))
	if err != nil {
		t.Fatal(err)
	}
	local := func(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
		if h.Name == "s2" {
			shell = "echo no room left >&2; exit 1"
		}
		return exec.CommandContext(ctx, "bash", "-c", shell)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := false
	f := &fleet{topo, &remote.Remote{Command: local, DryRun: true}, reports(func(r watch.Report) {
		if len(r.Hosts) != 2 || r.Hosts[0].Roles != "front,app" || r.Hosts[1].Here {
			t.Errorf("got the hosts %+v", r.Hosts)
		}
		if r.Hosts[0].Here && r.Hosts[1].Problem == "no room left" {
			seen = true
			stop()
		}
	})}
	if err := call(ctx, "watch", f, []string{"-json"}); err != nil {
		t.Fatal(err)
	}
	if !seen {
		t.Error("it ended before both hosts were seen")
	}
}

// TestWatchLocal needs no hosts; nothing listens where the server should.
func TestWatchLocal(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	f := &fleet{nil, &remote.Remote{}, reports(func(r watch.Report) {
		if h := r.Hosts[0]; h.Name != "local" || r.Server != nil {
			t.Errorf("got %+v", r)
		} else if h.Here && strings.HasPrefix(h.Problem, "no metrics on 127.0.0.1:") {
			stop()
		}
	})}
	if err := call(ctx, "watch", f, []string{"-json", "-local", freeport.Address(t)}); err != nil {
		t.Fatal(err)
	}
}

// TestHelp: help was asked for, so it goes to the output and is not a failure, with or
// without hosts.
func TestHelp(t *testing.T) {
	words := []string{""}
	for _, c := range commands() {
		words = append(words, c.name)
	}
	for _, word := range words {
		var out, complaints bytes.Buffer
		args := append([]string{"-hosts", "no such file"}, strings.Fields(word+" -h")...)
		if status := run(t.Context(), args, &out, &complaints); status != ok || !strings.Contains(out.String(), "usage: fleet") || complaints.Len() > 0 {
			t.Errorf("%s -h: status %d, %s%s", word, status, &out, &complaints)
		}
	}
	var out, complaints bytes.Buffer
	if status := run(t.Context(), []string{"delpoy"}, &out, &complaints); status != usage || !strings.Contains(complaints.String(), "did you mean deploy?") {
		t.Errorf("delpoy: status %d, %s", status, &complaints)
	}
}
