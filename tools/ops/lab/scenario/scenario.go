// Package scenario plays what a team does with its hosts, and what happens to them, in
// the laboratory: setup, deploy, load, reboots, broken builds, lost networks, full disks.
// It drives the real fleet and the real benchmarker.
package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"isuride/tools/ops/lab/cluster"
)

// Scenario is one play. Its fields are set once.
type Scenario struct {
	Lab     *cluster.Lab
	Project string    // root of the checkout
	Short   bool      // leave out what takes long
	Keep    bool      // leave the hosts up
	Out     io.Writer // gets a line or two for each step
}

// Outcome is the result of a step.
type Outcome struct {
	Step    string  `json:"step"`
	Seconds float64 `json:"seconds"`
	Note    string  `json:"note,omitempty"` // figures
	Error   string  `json:"error,omitempty"`
}

// play is a scenario in progress.
type play struct {
	Scenario
	log   *os.File // everything that was printed on the way
	hosts string   // the hosts file
	tools string   // folder of fleet
	notes []string // of the current step
}

// step is one part. Steps build on those before, so the first failure ends the play.
type step struct {
	does  string
	short bool // also in the short form
	run   func(*play, context.Context) error
}

func steps() []step {
	return []step{
		{"make three fresh hosts", true, (*play).up},
		{"set them up", false, (*play).setup},
		{"deploy: two fronts, server, database", true, (*play).deploy},
		{"deploy once more, which changes nothing", false, (*play).deployAgain},
		{"load without an error", true, (*play).load},
		{"both fronts get connections", true, (*play).spread},
		{"nothing internal can be seen from outside", true, (*play).outside},
		{"reboot all hosts under load: nothing is lost", true, (*play).rebootTest},
		{"take the power of the server's host: nothing is lost", false, (*play).powerLoss},
		{"a build that ends at once is undone", true, (*play).brokenBuild},
		{"a build that never answers is undone", false, (*play).silentBuild},
		{"a deploy killed halfway leaves a version running", false, (*play).killedDeploy},
		{"roll back", false, (*play).rollback},
		{"lose the database's host for 10 s under load: nothing is lost", false, (*play).databaseLoss},
		{"lose a front under load: the other goes on", false, (*play).frontLoss},
		{"a full disk stops a deploy, and nothing else", false, (*play).fullDisk},
		{"a host that does not answer stops a deploy soon", false, (*play).silentHost},
		{"the server becomes a group of three: nothing is lost", false, (*play).becomeGroup},
		{"deploy to the group under load: nothing is lost", false, (*play).deployToGroup},
		{"a build that never answers stops at the first of the group", false, (*play).silentBuildInGroup},
		{"kill the leader under load: nothing is lost", false, (*play).leaderLoss},
		{"one fresh host for everything", false, (*play).oneHost},
		{"there, the server instead of nginx ends TLS, and nginx again", false, (*play).ownTLS},
	}
}

// Play plays and returns the first failure. A summary is in lab-test.json, what programs
// printed in lab-test.log, both in the laboratory's folder.
func (s Scenario) Play(ctx context.Context) error {
	if err := cluster.Missing(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Lab.Dir, 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.Lab.Dir, "lab-test.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	p := &play{Scenario: s, log: log, hosts: s.Lab.HostsFile(), tools: filepath.Join(s.Lab.Dir, "tools")}
	if err := p.build(ctx); err != nil {
		return err
	}
	outcomes, failure := p.play(ctx)
	if failure != nil {
		failure = fmt.Errorf("%w; see %s", failure, p.keepJournals())
	}
	if !s.Keep {
		failure = errors.Join(failure, s.Lab.Down(context.WithoutCancel(ctx)))
	}
	return errors.Join(failure, p.summary(outcomes))
}

func (p *play) play(ctx context.Context) (outcomes []Outcome, failure error) {
	for _, st := range steps() {
		if p.Short && !st.short {
			continue
		}
		fmt.Fprintf(p.Out, "     %s\n", st.does)
		fmt.Fprintf(p.log, "\n=== %s %s\n", time.Now().Format(time.TimeOnly), st.does)
		p.notes = nil
		begin := time.Now()
		err := st.run(p, ctx)
		o := Outcome{Step: st.does, Seconds: time.Since(begin).Seconds(), Note: strings.Join(p.notes, ", ")}
		if err != nil {
			o.Error = err.Error()
			fmt.Fprintf(p.Out, "FAIL %6.1f s  %v\n", o.Seconds, err)
			return append(outcomes, o), fmt.Errorf("%s: %w", st.does, err)
		}
		fmt.Fprintf(p.Out, "ok   %6.1f s  %s\n", o.Seconds, o.Note)
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// note keeps a figure for the summary.
func (p *play) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

func (p *play) summary(outcomes []Outcome) error {
	text, err := json.MarshalIndent(outcomes, "", "  ")
	if err != nil {
		return err
	}
	passed, sum := 0, 0.0
	for _, o := range outcomes {
		sum += o.Seconds
		if o.Error == "" {
			passed++
		}
	}
	fmt.Fprintf(p.Out, "%d of %d steps passed in %.0f s\n", passed, len(outcomes), sum)
	return os.WriteFile(filepath.Join(p.Lab.Dir, "lab-test.json"), append(text, '\n'), 0o644)
}

// keepJournals saves the hosts' journals after a failure, and returns the log's name.
func (p *play) keepJournals() string {
	for _, h := range cluster.Machines() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		cmd, err := p.Lab.Exec(ctx, h.Name, "journalctl", "--no-pager", "-n", "1000")
		if err == nil {
			text, _ := cmd.CombinedOutput()
			err = os.WriteFile(filepath.Join(p.Lab.Dir, h.Name+".journal"), text, 0o644)
		}
		if err != nil {
			fmt.Fprintf(p.log, "journal of %s: %v\n", h.Name, err)
		}
		cancel()
	}
	return p.log.Name()
}

// build makes fleet for this play, and the benchmarker where fleet looks for it.
func (p *play) build(ctx context.Context) error {
	for _, args := range [][]string{
		{"build", "-o", p.tools + "/", "./tools/ops/fleet", "./tools/dev/paymentmock", "./webapp/cmd/isuride"},
		{"build", "-o", "bin/", "./bench/cmd/bench"},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = p.Project
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w\n%s", err, out)
		}
	}
	return nil
}

// fleet runs fleet in the operator's place and returns what it prints.
func (p *play) fleet(ctx context.Context, args ...string) (string, error) {
	cmd, err := p.fleetCommand(ctx, args...)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(&out, p.log)
	cmd.Stderr = cmd.Stdout
	fmt.Fprintf(p.log, "$ fleet %s\n", strings.Join(args, " "))
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("fleet %s: %w: %s", args[0], err, lastLine(out.String()))
	}
	return out.String(), nil
}

func (p *play) fleetCommand(ctx context.Context, args ...string) (*exec.Cmd, error) {
	words := []string{filepath.Join(p.tools, "fleet"), "-ssh-config", p.Lab.SSHConfig(), "-hosts", p.hosts}
	cmd, err := p.Lab.Exec(ctx, cluster.Bench, append(words, args...)...)
	if err != nil {
		return nil, err
	}
	cmd.Dir = p.Project
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd, nil
}

// on runs a shell line as root in a host.
func (p *play) on(ctx context.Context, host, line string) (string, error) {
	cmd, err := p.Lab.Exec(ctx, host, "bash", "-c", line)
	if err != nil {
		return "", err
	}
	var complaint bytes.Buffer
	cmd.Stderr = io.MultiWriter(&complaint, p.log)
	out, err := cmd.Output()
	fmt.Fprintf(p.log, "%s$ %s\n%s", host, line, out)
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w: %s", host, line, err, lastLine(complaint.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// pollEvery is the interval between questions about something that takes time.
const pollEvery = 200 * time.Millisecond

// await asks until there is no error, or the time is up; then that error is the answer.
func await(ctx context.Context, limit time.Duration, done func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := done()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return fmt.Errorf("after %v: %w", limit, err)
		}
	}
}
