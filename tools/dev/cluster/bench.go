package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"

	"isuride/tools/cli"
)

// benchmark is a run of the benchmarker against a cluster of its own, whose leader gets into trouble half
// way. The benchmarker keeps a ledger of what it was told, and asks for it afterwards. Without trouble it tells
// how long answers waited for a majority, and how far the other servers were behind.
type benchmark struct {
	cluster
	program string
	seconds int
	how     string
	rate    float64 // rides a second, 0 lets the city grow
}

func parseBench(args []string) (*benchmark, error) {
	b := &benchmark{cluster: cluster{fresh: true}}
	f := flag.NewFlagSet("cluster bench", flag.ContinueOnError)
	b.flags(f)
	f.StringVar(&b.program, "bench", "bin/bench", "the benchmarker's `file`")
	f.IntVar(&b.seconds, "t", 60, "`seconds` that it runs")
	f.StringVar(&b.how, "how", "kill", "`what` happens to the leader: kill, stop (for 10 s), term or nothing")
	f.Float64Var(&b.rate, "rate", 0, "request this `many` rides a second, in a city that does not grow; 0 lets it grow as in the contest")
	if err := cli.Parse(f, args, 0, os.Stdout); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"kill", "stop", "term", "nothing"}, b.how) {
		return nil, fmt.Errorf("-how is %q; it can be kill, stop, term or nothing", b.how)
	}
	return b, nil
}

// startLimit is what a cluster has to find its leader.
const startLimit = time.Minute

func (b *benchmark) run(ctx context.Context) (err error) {
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- b.cluster.run(running) }()
	defer func() {
		end()
		err = errors.Join(err, <-ended)
	}()
	for deadline := time.Now().Add(startLimit); b.leads() == ""; {
		select {
		case failed := <-ended:
			ended <- nil
			return failed
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchPause):
		}
		if time.Now().After(deadline) {
			return errors.New("nobody leads; look at the servers' logs")
		}
	}
	flags := []string{"run", "-target", "http://" + b.address(0), "-data", "sql/expected-answers.json", "-t", fmt.Sprint(b.seconds),
		"-payment-bind-port", strconv.Itoa(b.port + benchPort), "-payment-url", "http://" + b.address(benchPort)}
	if b.rate > 0 {
		flags = append(flags, "-open-loop", fmt.Sprint(b.rate))
	}
	cmd := exec.CommandContext(ctx, b.program, flags...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return err
	}
	told := make(chan error, 1)
	if b.how == "nothing" {
		go func() { told <- b.tell(ctx) }()
	} else {
		told <- nil
		defer time.AfterFunc(b.load()/2, b.trouble).Stop()
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the benchmarker: %w", err)
	}
	return <-told
}

func (b *benchmark) load() time.Duration { return time.Duration(b.seconds) * time.Second }

// tell prints what the servers counted in the last three quarters of the load.
func (b *benchmark) tell(ctx context.Context) error {
	var from []figures
	for _, after := range []time.Duration{b.load() / 4, b.load() * 3 / 4} {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(after):
		}
		for i, m := range b.members {
			f, err := m.figures(ctx)
			if err != nil {
				return err
			}
			if len(from) < len(b.members) {
				from = append(from, f)
			} else {
				fmt.Println(stamp(), describe(m.name, from[i], f))
			}
		}
	}
	return nil
}

func (b *benchmark) leads() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leader
}

func (b *benchmark) trouble() {
	m, err := b.named("leader")
	if err == nil {
		err = m.signal(map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP, "term": syscall.SIGTERM}[b.how])
	}
	if err != nil {
		fmt.Println(stamp(), "no trouble could be made:", err)
		return
	}
	fmt.Println(stamp(), b.how, m.name, "which led")
	if b.how == "stop" {
		time.AfterFunc(stopped, func() { _ = m.signal(syscall.SIGCONT) }) // it may have been killed
	}
}
