package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"isuride/bench/report"
	"isuride/tools/cli"
)

// fullLoad is the length in seconds of all runs that bars are for, the official ones included.
const fullLoad = 60

// A trial is what all runs of the bench have in common, as flags.
type trial struct {
	seconds float64
	runs    int
	home    string // for programs, data and records
	core    string // processors that the bench may use, as for taskset; "" for all
}

func flags(command string, out io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("compare "+command, flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = nil // package cli has its own
	return f
}

// settingFlag adds a flag for variables of the server.
func settingFlag(f *flag.FlagSet, settings *[]string, about string) {
	f.Func("set", "`NAME=VALUE`, "+about+"; may be repeated", func(text string) error {
		if !strings.HasPrefix(text, "ISURIDE_") || !strings.Contains(text, "=") {
			return errors.New("want ISURIDE_NAME=VALUE")
		}
		*settings = append(*settings, text)
		return nil
	})
}

// parse reads the flags of a trial besides those that f has already.
func (t *trial) parse(f *flag.FlagSet, args []string, runs, home string) error {
	f.Float64Var(&t.seconds, "t", fullLoad, "`seconds` of load; the bars are for 60, other lengths are only shown")
	f.IntVar(&t.runs, "n", t.runs, "`number` of "+runs+"; the medians count")
	f.StringVar(&t.home, "home", home, "`folder` for programs, data and records")
	if err := cli.Parse(f, args, 0, f.Output()); err != nil {
		return err
	}
	return t.check()
}

func (t *trial) check() error {
	if t.runs < 1 || t.seconds < 1 {
		return errors.New("want at least one run of at least a second; -h lists the flags")
	}
	return nil
}

func (t *trial) path(name string) string { return filepath.Join(t.home, name) }

// build builds programs of the checkout into the home.
func (t *trial) build(ctx context.Context, packages ...string) error {
	if err := os.MkdirAll(t.home, 0o755); err != nil {
		return err
	}
	defer progress("building")()
	return execute(ctx, "go", append([]string{"build", "-o", t.home + "/"}, packages...)...)
}

// execute runs a program whose output matters only if it fails.
func execute(ctx context.Context, name string, args ...string) error {
	output, err := process(ctx, name, args...).CombinedOutput()
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, output)
	}
	return nil
}

// bench runs the bench and returns its record with the CPU time of the whole process. The
// record stays in the file of that name.
func (t *trial) bench(ctx context.Context, out string, seed int, args ...string) (*report.Record, time.Duration, error) {
	out = t.path(out)
	os.Remove(out) // of an earlier run
	cmd := on(ctx, t.core, t.path("bench"), append([]string{"run", "-force", "-out", out, "-html", "-", "-history", "-", "-skip-data-check",
		"-t", strconv.FormatFloat(t.seconds, 'f', -1, 64), "-seed", strconv.Itoa(seed)}, args...)...)
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, 0, errInterrupted
	}
	if err != nil {
		text := strings.TrimSpace(string(output))
		return nil, 0, fmt.Errorf("the bench failed: %s", text[strings.LastIndexByte(text, '\n')+1:])
	}
	list, err := readRecords(out)
	if err != nil {
		return nil, 0, err
	}
	return list[0], cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// readRecords reads what the bench has written.
func readRecords(file string) ([]*report.Record, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := report.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return records, nil
}
