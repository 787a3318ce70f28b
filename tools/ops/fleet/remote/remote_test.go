package remote

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/tools/ops/fleet/topology"
)

var host = topology.Host{Name: "s1", Login: "a@b", Port: 2222}

// local runs what is for the host on this machine, with programs of a folder first.
func local(out *bytes.Buffer, programs string) *Remote {
	return &Remote{Out: out, Command: func(ctx context.Context, _ topology.Host, shell string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "sh", "-c", shell)
		cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"))
		return cmd
	}}
}

func TestLookReturnsOutput(t *testing.T) {
	got, err := local(new(bytes.Buffer), "").Look(t.Context(), host, "count", "echo one\necho two")
	if got != "one\ntwo" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestScriptEndsAtItsFirstError(t *testing.T) {
	got, err := local(new(bytes.Buffer), "").Look(t.Context(), host, "try", "echo before\necho why not >&2\nfalse\necho after")
	if got != "before" || err == nil || err.Error() != "s1: cannot try: why not" {
		t.Errorf("got %q, %v", got, err)
	}
	var e *Error
	if !errors.As(err, &e) || e.Host != "s1" || e.Step != "try" {
		t.Errorf("got %#v", err)
	}
}

// TestHalfAScriptDoesNothing cuts a script as a lost connection does, at every place.
func TestHalfAScriptDoesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made")
	whole := guarded(": >" + file + "\ntrue")
	for i := range len(whole) - len(" </dev/null\n") - len("all") {
		cmd := bound.Command(t, "bash", "-s")
		cmd.Stdin = strings.NewReader(whole[:i])
		cmd.Run() // fails for most
		if _, err := os.Stat(file); err == nil {
			t.Fatalf("%q makes the file", whole[:i])
		}
	}
}

func TestDryRun(t *testing.T) {
	var out bytes.Buffer
	r := local(&out, "")
	r.DryRun = true
	file := filepath.Join(t.TempDir(), "made")
	if _, err := r.Change(t.Context(), host, "make a file", ": >"+file); err != nil {
		t.Error(err)
	}
	if _, err := r.ChangeAsRoot(t.Context(), host, "make it as root", ": >"+file); err != nil {
		t.Error(err)
	}
	if err := r.Send(t.Context(), host, "send it", "cat >"+file, strings.NewReader("")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the file was made")
	}
	if want := "s1         make a file\ns1         make it as root\ns1         send it\n"; out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	if got, err := r.Look(t.Context(), host, "look", "echo seen"); got != "seen" || err != nil {
		t.Errorf("looking: %q, %v", got, err)
	}
}

// TestAsRoot plays a user who is not root, with and without sudo's permission.
func TestAsRoot(t *testing.T) {
	dir := t.TempDir()
	program := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program("id", "echo 1000")
	program("sudo", `[ "$1" = -n ] && shift && SUDO=yes exec "$@"`)
	r := local(new(bytes.Buffer), dir)
	if got, err := r.LookAsRoot(t.Context(), host, "look", "echo ${SUDO-no}"); got != "yes" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	program("sudo", "echo 'sudo: a password is required' >&2; exit 1")
	if _, err := r.LookAsRoot(t.Context(), host, "look", "true"); err == nil || err.Error() != "s1: cannot look: sudo: a password is required" {
		t.Errorf("got %v", err)
	}
}

func TestReason(t *testing.T) {
	r := local(new(bytes.Buffer), "")
	for said, want := range map[string]string{
		`printf 'Warning: x\nssh: connect to host b port 22: No route to host\r\n' >&2; exit 255`: "ssh does not get there: ssh: connect to host b port 22: No route to host",
		`printf 'a@b: Permission denied (publickey).\r\n' >&2; exit 255`: "ssh does not get there: a@b: Permission denied (publickey).; the host takes none of your keys: " +
			"ssh-copy-id puts one there, or name the right one in ~/.ssh/config",
		`printf 'tar: a: Cannot write: No space left on device\ntar: Exiting with failure status due to previous errors\n' >&2; exit 2`: "tar: a: Cannot write: No space left on device",
		`exit 3`: "exit status 3",
	} {
		if strings.Contains(said, "255") { // ssh itself fails
			r.Command = func(ctx context.Context, _ topology.Host, _ string) *exec.Cmd {
				return exec.CommandContext(ctx, "sh", "-c", said)
			}
		}
		err := r.Send(t.Context(), host, "send", said, strings.NewReader(""))
		r.Command = local(new(bytes.Buffer), "").Command
		if want = "s1: cannot send: " + want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	_, err := local(new(bytes.Buffer), "").Look(ctx, host, "wait", "sleep 100")
	if err == nil || err.Error() != "s1: cannot wait: enough" {
		t.Errorf("got %v", err)
	}
}

// TestSSH holds what ssh is called with: it must never ask, and a login cannot be an option.
func TestSSH(t *testing.T) {
	r := &Remote{Options: []string{"-F", "file"}}
	args := r.ssh(t.Context(), host, "true").Args
	if end := []string{"-F", "file", "-p", "2222", "--", "a@b", "true"}; !slices.Equal(args[len(args)-len(end):], end) || !slices.Contains(args, "BatchMode=yes") {
		t.Errorf("got %q", args)
	}
}

// talking runs what is for the host after and before the words of a program that talks.
func talking(before, after string) *Remote {
	return &Remote{Out: new(bytes.Buffer), Command: func(ctx context.Context, _ topology.Host, shell string) *exec.Cmd {
		return exec.CommandContext(ctx, "bash", "-c", before+"\nbash -c \"$0\"; s=$?\n"+after+"\nexit $s", shell)
	}}
}

// TestHostTalks: only what the command prints is its answer, to the byte.
func TestHostTalks(t *testing.T) {
	for _, r := range []*Remote{
		talking("", ""),
		talking("echo 'machine learning box'; echo Welcome >&2", "echo bye; echo bye >&2"),
		talking("printf 'no end of line'", "printf 'logged out'"),
		talking("printf 'fleet-\\377\\0'; head -c 200000 /dev/zero", ""),
	} {
		if got, err := r.Look(t.Context(), host, "look", "echo KEY value"); got != "KEY value" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if _, err := r.Look(t.Context(), host, "look", "echo 'my reason' >&2; false"); err == nil || err.Error() != "s1: cannot look: my reason" {
			t.Errorf("got %v", err)
		}
		data := make([]byte, 100_000)
		for i := range data {
			data[i] = byte(i * i >> 3)
		}
		var out bytes.Buffer
		if err := r.run(t.Context(), host, "copy", "cat", bytes.NewReader(data), &out); err != nil || !bytes.Equal(out.Bytes(), data) {
			t.Errorf("%d bytes come back, %v", out.Len(), err)
		}
	}
}

// TestFramed: however the answer is cut into pieces.
func TestFramed(t *testing.T) {
	f := newFrame()
	whole := "hello " + f.begin[:9] + f.begin + "an" + f.end[:9] + "swer" + f.end + "bye"
	for size := 1; size <= len(whole); size++ {
		var out bytes.Buffer
		w := &framed{frame: f, out: &out}
		for rest := whole; rest != ""; {
			n := min(size, len(rest))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if want := "an" + f.end[:9] + "swer"; out.String() != want || w.whole() != nil {
			t.Fatalf("in pieces of %d: %q, %v", size, out.String(), w.whole())
		}
	}
}

// TestConnectionEnds: an answer without its end is none, and a host that runs nothing says so.
func TestConnectionEnds(t *testing.T) {
	for program, want := range map[string]string{
		`exec bash -c "${0/printf %s fleet-*-end./kill -9 $$ #}"`:                      "signal: killed",
		`bash -c "$0" | head -c 50`:                                                    "in the middle of the answer",
		`echo This account is closed`:                                                  `does not run commands; it said "This account is closed"`,
		`echo 'This account is closed'; exit 1`:                                        `it said "This account is closed"`,
		`bash -c "$0" | head -c 50; echo 'client_loop: send disconnect' >&2; exit 255`: "client_loop: send disconnect", // after the script's own end, or not
	} {
		r := &Remote{Out: new(bytes.Buffer), Command: func(ctx context.Context, _ topology.Host, shell string) *exec.Cmd {
			return exec.CommandContext(ctx, "bash", "-c", program, shell)
		}}
		if _, err := r.Look(t.Context(), host, "look", "echo a long answer"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", program, err)
		}
	}
}

// TestSSHComplains: what ssh says about a failed login is told with the right advice.
func TestSSHComplains(t *testing.T) {
	for said, want := range map[string][]string{
		"Welcome\nReceived disconnect from 10.0.0.1 port 22:2: Too many authentication failures\r\nDisconnected from 10.0.0.1 port 22\r\n": {
			"Too many authentication failures; Disconnected", "IdentitiesOnly yes"},
		"@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@\nIT IS POSSIBLE ...\nHost key verification failed.\r\n": {
			"HAS CHANGED", "ssh-keygen -R '[b]:2222'"},
		"No ED25519 host key is known for b and you have requested strict checking.\nHost key verification failed.\n": {
			"No ED25519 host key is known", "log in once by hand"},
		"ssh: Could not resolve hostname b: Name or service not known\r\n": {"ssh: Could not resolve hostname b"},
		"something new\n": {"something new"},
	} {
		r := &Remote{Out: new(bytes.Buffer), Command: func(ctx context.Context, _ topology.Host, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, "sh", "-c", `printf %s "$0" >&2; exit 255`, said)
		}}
		_, err := r.Look(t.Context(), host, "look", "true")
		for _, w := range append(want, "ssh does not get there: ") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("got %v, want %s", err, w)
			}
		}
	}
}
