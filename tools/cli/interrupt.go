package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilInterrupted returns a context that ends on INT, TERM and QUIT, and on HUP unless
// the program runs under nohup. A second INT or TERM ends the process at once; HUP may be
// repeated, since a closing terminal may send it more than once.
func UntilInterrupted() context.Context {
	// Caught rather than ignored, because child processes would inherit an ignored
	// signal.
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
