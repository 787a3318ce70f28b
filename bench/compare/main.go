// Compare answers whether something is as good as something else: it starts both on this
// machine, runs the bench against them in turn, takes medians, and holds them to bars.
//
//	compare calibrate   the bench with what the official one measured (package official)
//	compare duel        this repository's server with the naive one, or two of its settings
//	compare perf        the speed of hot paths with what this kind of machine has stored
//	compare overload    a server that refuses what is too much with itself at its best
//	compare cost        the CPU that a ride costs two programs, or one with and without a part
//	compare diff        two sets of records of the bench, made before
//
// Run it in the root of the checkout: all but diff build what they need from it. The exit
// status is 1 if a bar is missed, 2 if nothing could be measured.
//
// What it leaves to others: loading a server (bench/cmd/bench), and figures and their spread
// (package report).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"isuride/bench/nearest"
	"isuride/tools/cli"
)

// errInterrupted is the end of a measurement by its user.
var errInterrupted = errors.New("interrupted")

// A command writes its result to out and says whether all bars were reached.
type command struct {
	name, about string
	run         func(ctx context.Context, args []string, out io.Writer) (passed bool, err error)
}

var commands = []command{
	{"calibrate", "the bench with the official benchmarker's figures", runCalibrate},
	{"duel", "this repository's server with the naive one", runDuels},
	{"perf", "the speed of hot paths with what this machine has stored", runPerf},
	{"overload", "what is served under overload with what is served at best", runOverload},
	{"cost", "what a ride costs two servers, in CPU, at half load", runCost},
	{"diff", "two files of the bench's records", runDiff},
}

func main() {
	runtime.LockOSThread() // child processes die with the thread that started them, see process
	passed, err := dispatch(cli.UntilInterrupted(), os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp), errors.Is(err, syscall.EPIPE): // a reader that left has seen enough
	case err != nil:
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(2)
	case !passed:
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string, out io.Writer) (passed bool, err error) {
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(out, "usage: compare COMMAND [flags]; COMMAND -h explains its flags\n\n")
		for _, c := range commands {
			fmt.Fprintf(out, "  %-10s %s\n", c.name, c.about)
		}
	}
	if err := cli.Parse(f, args, -1, out); err != nil {
		return false, err
	}
	known := names(commands, func(c command) string { return c.name })
	if f.NArg() == 0 {
		return false, fmt.Errorf("which command? There are %s", strings.Join(known, ", "))
	}
	i := slices.Index(known, f.Arg(0))
	if i < 0 {
		return false, fmt.Errorf("unknown command %q%s; there are %s", f.Arg(0), nearest.Meant(f.Arg(0), known), strings.Join(known, ", "))
	}
	passed, err = commands[i].run(ctx, f.Args()[1:], out)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		err = fmt.Errorf("%s: %w", known[i], err)
	}
	return passed, err
}

func names[T any](all []T, name func(T) string) []string {
	var list []string
	for _, v := range all {
		list = append(list, name(v))
	}
	return list
}

// choose keeps those of a comma-separated list of names, all if that is empty.
func choose[T any](all []T, name func(T) string, only string) ([]T, error) {
	if only == "" {
		return all, nil
	}
	var chosen []T
	known := names(all, name)
	for wanted := range strings.SplitSeq(only, ",") {
		i := slices.Index(known, wanted)
		if i < 0 {
			return nil, fmt.Errorf("-only %s%s; there are %s", wanted, nearest.Meant(wanted, known), strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
