package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"isuride/tools/cli"
)

// benchmark is a run of the benchmarker against a cluster of its own, whose leader gets into trouble half
// way. The benchmarker keeps a ledger of what it was told, and asks for it afterwards.
type benchmark struct {
	cluster
	program string
	seconds int
	how     string
}

func parseBench(args []string) (*benchmark, error) {
	b := &benchmark{cluster: cluster{fresh: true}}
	f := flag.NewFlagSet("cluster bench", flag.ContinueOnError)
	b.flags(f)
	f.StringVar(&b.program, "bench", "bin/bench", "the benchmarker's `file`")
	f.IntVar(&b.seconds, "t", 60, "`seconds` that it runs")
	f.StringVar(&b.how, "how", "kill", "`what` happens to the leader: kill, stop (for 10 s), term or nothing")
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
	cmd := exec.CommandContext(ctx, b.program, "run", "-target", "http://"+b.address(0), "-data", "sql/expected-answers.json", "-t", fmt.Sprint(b.seconds))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return err
	}
	trouble := time.AfterFunc(time.Duration(b.seconds)*time.Second/2, b.trouble)
	defer trouble.Stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the benchmarker: %w", err)
	}
	return nil
}

func (b *benchmark) leads() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leader
}

func (b *benchmark) trouble() {
	if b.how == "nothing" {
		return
	}
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
