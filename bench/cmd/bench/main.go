// Command bench loads and judges an ISURIDE server: it simulates the city against it, checks every answer, plays the
// payment service, and ends with a score and a verdict.
//
//	bench [run] [flags]          a run; bench -h lists the flags
//	bench record-data [flags]    writes a file of expected answers from a trusted server
//	bench verify [flags]         checks a server rule by rule, without load
//
// It exits with 0 after a run (1 with --fail-on-error if that failed), with 1 if the run was interrupted, the server failed
// before the load or breaks a rule that verify checks, and with 2 if the settings or this machine do not allow a run.
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

// The heap of a run is small: 20 MiB in use with 2,500 users. Collecting it less often than usual saves a tenth of the
// bench's CPU time; the limit, well below the 1.5 GiB a large run may use, takes that back when memory gets scarce.
const (
	gcPercent   = 400
	memoryLimit = 1 << 30
)

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(dispatch(ctx, os.Args[1:]))
}

// dispatch runs the named command; without a name it is run.
func dispatch(ctx context.Context, args []string) int {
	command := runCommand
	if len(args) > 0 {
		switch args[0] {
		case "run":
			args = args[1:]
		case "record-data":
			command, args = recordCommand, args[1:]
		case "verify":
			command, args = verifyCommand, args[1:]
		}
	}
	return exitStatus(command(ctx, args))
}

// errFailed is a run that did not pass; everything about it has been said.
var errFailed = errors.New("failed")

// exitStatus says what went wrong, in one line, and how to exit.
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
