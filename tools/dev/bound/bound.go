// Package bound ends what a test waits for, so that a hang costs one test and not the run. A package that
// hangs until `go test -timeout` loses the results of its other tests, and the programs that it has started die
// without having told where they were.
//
// A test starts each program with Command, and receives with Receive what another process or another
// goroutine may fail to send. Where a test has a limit of its own, which tells a right program from a
// wrong one, it needs neither.
package bound

import (
	"context"
	"errors"
	"flag"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Limit is how long a test may wait from now on: half of the time that the whole package has, or until shortly
// before its end, so that the test can still say what it waited for.
func Limit(tb testing.TB) time.Duration {
	limit := 24 * time.Hour // with -timeout 0 somebody watches
	if f := flag.Lookup("test.timeout"); f != nil {
		if whole, ok := f.Value.(flag.Getter).Get().(time.Duration); ok && whole > 0 {
			limit = whole / 2
		}
	}
	if t, ok := tb.(interface{ Deadline() (time.Time, bool) }); ok { // a benchmark has none
		if end, ok := t.Deadline(); ok {
			limit = min(limit, time.Until(end)-report)
		}
	}
	return max(limit, time.Second)
}

const (
	report = 30 * time.Second // what is left for messages before the package's end
	dying  = 5 * time.Second  // what a program has after ABRT
)

// Context is the context of what ends with the test, or at the Limit.
func Context(tb testing.TB, parent context.Context) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(parent, Limit(tb))
	tb.Cleanup(cancel)
	return ctx
}

// Command is exec.Command for a program that ends with the test. At the Limit the test has failed and the program gets
// ABRT, at which a Go program prints what its goroutines wait for (QUIT may be a wish to stop), and KILL a
// little later.
func Command(tb testing.TB, name string, args ...string) *exec.Cmd {
	tb.Helper()
	limit := Limit(tb)
	ctx := Context(tb, context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = dying
	cmd.Cancel = func() error {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) { // the test has ended
			return cmd.Process.Kill()
		}
		if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
			return err
		}
		tb.Errorf("%v still runs after %v, which is too long", cmd.Args, limit)
		return nil
	}
	return cmd
}

// Receive returns what comes from a channel, or ends the test at the Limit; what says what was to come. It is for the
// test's own goroutine, and useless in a bubble of testing/synctest, which notices by itself
// that nothing can come.
func Receive[T any](tb testing.TB, what string, from <-chan T) (v T) {
	tb.Helper()
	limit := Limit(tb)
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case v = <-from:
	case <-late.C:
		tb.Fatalf("after %v this has not come: %s", limit, what)
	}
	return v
}
