// Package measure is what the measuring tools share: it starts the programs that they need and never leaves one behind,
// runs the bench, and turns what a tool has found into its exit status.
//
// What it leaves to others: which programs and which settings, and what the figures mean.
package measure

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"isuride/tools/cli"
)

// ErrInterrupted is the end of a measurement by its user.
var ErrInterrupted = errors.New("interrupted")

// Main is a tool's main function: run gets the arguments and a context that ends with Ctrl-C. The exit status is 1 if what
// was measured has not passed, 2 if nothing could be measured.
func Main(tool string, run func(ctx context.Context, args []string) (passed bool, err error)) {
	runtime.LockOSThread() // the processes that this one starts die with the thread that started them, see Command
	passed, err := run(cli.UntilInterrupted(), os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", tool, err)
		os.Exit(2)
	case !passed:
		os.Exit(1)
	}
}

// Choose keeps those of a comma-separated list of names, all if that is empty.
func Choose[T any](all []T, name func(T) string, only string) ([]T, error) {
	if only == "" {
		return all, nil
	}
	var chosen []T
	for wanted := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(v T) bool { return name(v) == wanted })
		if i < 0 {
			return nil, fmt.Errorf("-only %s: there are %s", wanted, Names(all, name))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// Names is the list of all that Choose knows.
func Names[T any](all []T, name func(T) string) string {
	var list []string
	for _, v := range all {
		list = append(list, name(v))
	}
	return strings.Join(list, ",")
}
