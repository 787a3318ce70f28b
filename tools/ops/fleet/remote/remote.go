// Package remote does things on hosts over ssh: it runs scripts and copies files. It uses
// the ssh program, so that keys, agents, jump hosts and names are what the user's own
// configuration says.
//
// It leaves what is to be done to its callers.
package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"isuride/tools/ops/fleet/topology"
)

// Error is a step that failed on a host. Its text is one sentence.
type Error struct {
	Host string
	Step string // what was being done: "copy the server"
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s: cannot %s: %v", e.Host, e.Step, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Remote reaches hosts. Its fields are set once; the methods may be called at the same
// time.
type Remote struct {
	// DryRun prints what would change instead of doing it. Looking is still done.
	DryRun bool
	// Out gets a line for each change.
	Out io.Writer
	// Options go to ssh before the host: "-F", "file" and the like.
	Options []string
	// Command makes the process that runs a shell on the host; tests put theirs here. nil
	// means ssh.
	Command func(ctx context.Context, h topology.Host, shell string) *exec.Cmd

	writing sync.Mutex // to Out
}

// Look runs a bash script that changes nothing, also in a dry run, as the login's user,
// and returns what it prints. step completes the sentence "cannot ...".
func (r *Remote) Look(ctx context.Context, h topology.Host, step, script string) (string, error) {
	var out bytes.Buffer
	err := r.Stream(ctx, h, step, script, &out)
	return lines(out.String()), err
}

// lines is text without the returns that a terminal in between puts before the ends of lines.
func lines(text string) string {
	return strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}

// Stream is Look for what is long or binary: it writes what the script prints to w as it
// comes.
func (r *Remote) Stream(ctx context.Context, h topology.Host, step, script string, w io.Writer) error {
	return r.run(ctx, h, step, bashReadsStdin, strings.NewReader(guarded(script)), w)
}

// Change runs a bash script, as the login's user, and returns what it prints. The script
// travels on standard input and so shows in no list of processes; what needs root says
// sudo. A dry run prints the step only.
func (r *Remote) Change(ctx context.Context, h topology.Host, step, script string) (string, error) {
	r.announce(h, step)
	if r.DryRun {
		return "", nil
	}
	return r.Look(ctx, h, step, script)
}

// Send runs a command with data as its standard input, for instance an archive for tar.
// The command is visible to all users of the host. A dry run prints the step only.
func (r *Remote) Send(ctx context.Context, h topology.Host, step, command string, data io.Reader) error {
	r.announce(h, step)
	if r.DryRun {
		return nil
	}
	return r.run(ctx, h, step, command, data, io.Discard)
}

// LookAsRoot is Look with root's rights.
func (r *Remote) LookAsRoot(ctx context.Context, h topology.Host, step, script string) (string, error) {
	var out bytes.Buffer
	err := r.StreamAsRoot(ctx, h, step, script, &out)
	return lines(out.String()), err
}

// StreamAsRoot is Stream with root's rights.
func (r *Remote) StreamAsRoot(ctx context.Context, h topology.Host, step, script string, w io.Writer) error {
	return r.run(ctx, h, step, AsRoot(bashReadsStdin), strings.NewReader(guarded(script)), w)
}

// ChangeAsRoot is Change with root's rights.
func (r *Remote) ChangeAsRoot(ctx context.Context, h topology.Host, step, script string) (string, error) {
	r.announce(h, step)
	if r.DryRun {
		return "", nil
	}
	return r.LookAsRoot(ctx, h, step, script)
}

// Talk runs a command that reads in as it comes and writes to out, until it ends.
func (r *Remote) Talk(ctx context.Context, h topology.Host, step, command string, in *os.File, out io.Writer) error {
	return r.run(ctx, h, step, command, in, out)
}

// AsRoot is the simple command, run with root's rights.
func AsRoot(command string) string {
	return `if [ "$(id -u)" = 0 ]; then exec ` + command + `; else exec sudo -n ` + command + `; fi`
}

func (r *Remote) announce(h topology.Host, step string) {
	r.writing.Lock()
	defer r.writing.Unlock()
	fmt.Fprintf(r.Out, "%-10s %s\n", h.Name, step)
}

const bashReadsStdin = "bash -s"

// guarded ends a script at its first error. A script that came in half must do nothing,
// hence the function.
func guarded(script string) string {
	return "set -euo pipefail\nall() {\n" + script + "\n}\nall </dev/null\n"
}

func (r *Remote) run(ctx context.Context, h topology.Host, step, shell string, in io.Reader, out io.Writer) error {
	command := r.Command
	if command == nil {
		command = r.ssh
	}
	f := newFrame()
	cmd := command(ctx, h, f.around(shell))
	cmd.WaitDelay = waitDelay
	answer := &framed{frame: f, out: out}
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, answer, &complaint
	err := cmd.Run()
	if err != nil {
		err = reason(ctx, h, err, f, complaint.String(), answer)
	} else {
		err = answer.whole()
	}
	if err != nil {
		return &Error{h.Name, step, err}
	}
	return nil
}

// waitDelay is the time for which the outputs of a process that was ended may stay open.
const waitDelay = 3 * time.Second

// ssh never asks: a question would wait for an answer in the background. A host that is
// gone is noticed within half a minute.
func (r *Remote) ssh(ctx context.Context, h topology.Host, shell string) *exec.Cmd {
	args := []string{"-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"}
	args = append(args, r.Options...)
	if h.Port != 0 {
		args = append(args, "-p", strconv.Itoa(int(h.Port)))
	}
	cmd := exec.CommandContext(ctx, "ssh", append(args, "--", h.Login, shell)...)
	// A group of its own: Ctrl-C is for this program, which then puts things in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// sshFailed is ssh's own exit status.
const sshFailed = 255

// reason is the last thing that the command has said, or what ssh has said about itself,
// if anything.
func reason(ctx context.Context, h topology.Host, err error, f frame, complaint string, answer *framed) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == sshFailed && !answer.end {
		return sshReason(h, err, strings.ReplaceAll(complaint, f.begin, ""), answer)
	}
	if last := lastLine(f.inside(complaint)); last != "" {
		return errors.New(last)
	}
	if !answer.began {
		return fmt.Errorf("%w: the host does not run commands%s", err, answer.said())
	}
	return err
}

func lastLine(text string) string {
	last := ""
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(tarsLastWords, line) {
			last = line
		}
	}
	return last
}

// sshReason has all that ssh has said about the connection, as the last line alone is often
// the least of it.
func sshReason(h topology.Host, err error, complaint string, answer *framed) error {
	var lines []string
	for line := range strings.SplitSeq(complaint, "\n") {
		line = strings.TrimSpace(line)
		about := func(words string) bool { return strings.Contains(line, words) }
		if slices.ContainsFunc(sshWords, about) && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, lastLine(complaint))
	}
	said := strings.Join(lines, "; ")
	switch {
	case said == "" && answer.began:
		return errors.New("the connection ended in the middle of the answer")
	case said == "":
		return fmt.Errorf("ssh does not get there: %w%s", err, answer.said())
	case answer.began:
		return fmt.Errorf("the connection ended in the middle of the answer: %s", said)
	}
	return fmt.Errorf("ssh does not get there: %s%s", said, advice(h, complaint))
}

// sshWords are in the lines in which ssh says why it fails. Warnings, greetings of the host
// and drawings around them are not.
var sshWords = []string{"ssh: ", "Received disconnect", "Disconnected from", "Too many authentication failures", "Permission denied",
	"Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED", "host key is known", "kex_exchange_identification",
	"banner exchange", "Connection closed", "Connection reset", "Connection timed out", "Connection to ", "Connection refused",
	"client_loop", "Unable to negotiate", "Bad configuration option", "Bad owner or permissions", "bad permissions", "Load key",
	"not responding", "Broken pipe", "account", "Account", "expired"}

// tarsLastWords follow what it really has to say.
var tarsLastWords = []string{
	"tar: Exiting with failure status due to previous errors",
	"tar: Child returned status 1",
	"tar: Error is not recoverable: exiting now",
}

// advice says what to do about the most common complaints of ssh.
func advice(h topology.Host, complaint string) string {
	for _, c := range []struct{ said, advice string }{
		{"REMOTE HOST IDENTIFICATION HAS CHANGED", "; the host shows another key than before: if it was reinstalled, compare the new key with what its console or " +
			"provider shows, then `ssh-keygen -R " + knownAs(h) + "` forgets the old one; if not, somebody else may be answering"},
		{"Host key verification failed", "; log in once by hand to see and accept the host's key"},
		{"Too many authentication failures", "; ssh offers more keys than the host looks at: name the right one in ~/.ssh/config, with IdentityFile and IdentitiesOnly yes"},
		{"Permission denied", "; the host takes none of your keys: ssh-copy-id puts one there, or name the right one in ~/.ssh/config"},
	} {
		if strings.Contains(complaint, c.said) {
			return c.advice
		}
	}
	return ""
}

// knownAs is the name of the host in known_hosts, unless ssh's configuration gives it another name.
func knownAs(h topology.Host) string {
	name := h.Login[strings.LastIndex(h.Login, "@")+1:]
	if h.Port != 0 && h.Port != 22 {
		return fmt.Sprintf("'[%s]:%d'", name, h.Port)
	}
	return name
}
