// Command bench loads and judges an ISURIDE server: it simulates the city against it,
// checks every answer, plays the payment service, and ends with a score and a verdict.
//
//	bench [run] [flags]          a run; bench -h lists the flags
//	bench record-data [flags]    writes a file of expected answers from a trusted server
//	bench verify [flags]         checks a server rule by rule, without load
//	bench frontend [flags]       makes up the files of a front end
//
// It exits with 0 after a run (with --fail-on-error, with 1 if that failed), with 1 if
// the run was interrupted, the server failed before the load or breaks a rule that verify
// checks, and with 2 if the settings or this machine do not allow a run.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"isuride/bench/live"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// The heap of a run is small: 20 MiB in use with 2,500 users. Collecting it less often
// than usual saves a tenth of the bench's CPU time; the limit, well below the 1.5 GiB a
// large run may use, takes that back when memory gets scarce.
const (
	gcPercent   = 400
	memoryLimit = 1 << 30
)

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	os.Exit(dispatch(untilInterrupted(), os.Args[1:]))
}

// untilInterrupted ends with Ctrl-C, TERM, or the terminal, after which the report is
// still written. A second Ctrl-C or TERM ends the process at once, but not a second HUP,
// because a terminal that closes may send several. Nor does a closed pipe end it.
func untilInterrupted() context.Context {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ends := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // by nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, func() {
		signal.Ignore(syscall.SIGHUP)
		stop()
	})
	return ctx
}

// gone reports whether a write failed because the reader has left.
func gone(err error) bool { return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.EIO) }

// dispatch runs the named command; without a name it is run.
func dispatch(ctx context.Context, args []string) int {
	command := runCommand
	if len(args) > 0 {
		switch args[0] {
		case "run":
			args = args[1:]
		case "record-data":
			command, args = recordCommand, args[1:]
		case "frontend":
			command, args = frontendCommand, args[1:]
		case "verify":
			command, args = verifyCommand, args[1:]
		default:
			if err := unknownCommand(args[0]); err != nil {
				return exitStatus(usage(err))
			}
		}
	}
	return exitStatus(command(ctx, args))
}

// errFailed is for a run that did not pass and has been reported.
var errFailed = errors.New("failed")

// exitStatus prints an error in one line and returns the exit status.
func exitStatus(err error) int {
	var setup live.SetupError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errHelp):
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.As(err, &setup):
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "bench: %v\n", err)
	return exitFailed
}
