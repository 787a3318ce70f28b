package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilInterrupted ends with INT, TERM and QUIT, and with HUP unless nohup has it ignored. A second
// INT or TERM ends the process at once; a terminal that closes may say so more than once.
func UntilInterrupted() context.Context {
	// Caught, not ignored: programs that this one starts would inherit the latter.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ends := []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, func() {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
		stop()
	})
	return ctx
}
