package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"isuride/tools/ops/fleet/logs"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/runs"
	"isuride/tools/ops/fleet/topology"
)

const logsUsage = `[-n LINES]             failures and the ends of all logs
       fleet logs start                  empty the logs and mark a run
       fleet logs collect FOLDER         fetch the logs since the mark
       fleet logs access|slow on|off     switch the access log of the fronts, or the slow query log`

// showLogs is the command logs.
func showLogs(flags *flag.FlagSet) action {
	n := flags.Int("n", 20, "newest `lines` of each log")
	return func(ctx context.Context, f *fleet, args []string) error {
		switch line := strings.Join(args, " "); {
		case line == "" && *n > 0:
			return tailLogs(ctx, f, *n)
		case line == "start":
			return startLogs(ctx, f, runs.NewID(time.Now()))
		case len(args) == 2 && args[0] == "collect":
			return collectLogs(ctx, f, args[1])
		case line == "access on", line == "access off", line == "slow on", line == "slow off":
			return switchLogs(ctx, f, args[0], args[1] == "on")
		}
		return errors.New("usage: fleet logs " + logsUsage)
	}
}

// startLogs empties the logs of all hosts.
func startLogs(ctx context.Context, f *fleet, id string) error {
	for _, h := range f.topology.Hosts {
		if err := logs.Start(ctx, f.remote, h, id); err != nil {
			return err
		}
	}
	return nil
}

// collectLogs fetches the logs of each host into a folder of its name.
func collectLogs(ctx context.Context, f *fleet, dir string) error {
	return remote.OnAll(f.topology.Hosts, func(_ int, h topology.Host) error {
		return logs.Collect(ctx, f.remote, h, filepath.Join(dir, h.Name))
	})
}

// nginxTemplate is in the checkout, in which fleet is started.
const nginxTemplate = "nginx/nginx.conf.template"

func switchLogs(ctx context.Context, f *fleet, which string, on bool) error {
	if which == "slow" {
		return logs.Slow(ctx, f.remote, f.topology.DB(), on)
	}
	fronts := f.topology.With(topology.Front)
	if len(fronts) == 0 && on {
		return errors.New("there is no nginx whose access log could be switched on, and the server keeps none: fleet watch shows its counters by endpoint")
	}
	for _, h := range fronts {
		if err := logs.Access(ctx, f.remote, h, nginxTemplate, on); err != nil {
			return err
		}
	}
	return nil
}

// failuresSeen is the number of lines of each log in which failures are looked for, and
// failuresShown the number that is printed of each log.
const (
	failuresSeen  = 1000
	failuresShown = 5
)

// tailLogs prints failures first, then the last n lines of each log.
func tailLogs(ctx context.Context, f *fleet, n int) error {
	lines := make([][]logs.Line, len(f.topology.Hosts))
	err := remote.OnAll(f.topology.Hosts, func(i int, h topology.Host) (err error) {
		lines[i], err = logs.Tail(ctx, f.remote, h, max(n, failuresSeen))
		return err
	})
	groups := byLog(slices.Concat(lines...))
	for _, g := range groups {
		failures := slices.DeleteFunc(slices.Clone(g), func(l logs.Line) bool { return !l.Failure() })
		for _, l := range failures[max(0, len(failures)-failuresShown):] {
			fmt.Fprintf(f.out, "%s %s: %s\n", l.Host, l.Log, l.Text)
		}
	}
	for _, g := range groups {
		fmt.Fprintf(f.out, "\n== %s %s\n", g[0].Host, g[0].Log)
		for _, l := range g[max(0, len(g)-n):] {
			fmt.Fprintln(f.out, l.Text)
		}
	}
	return err
}

// byLog splits lines, which are in the order of their logs.
func byLog(lines []logs.Line) [][]logs.Line {
	var groups [][]logs.Line
	for i, l := range lines {
		if i == 0 || l.Host != lines[i-1].Host || l.Log != lines[i-1].Log {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], l)
	}
	return groups
}
