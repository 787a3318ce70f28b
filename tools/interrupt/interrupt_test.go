package interrupt

import (
	"os"
	"syscall"
	"testing"
)

// TestContext: a reader that leaves ends nothing, and a terminal may close twice.
func TestContext(t *testing.T) {
	ctx := Context()
	for _, s := range []syscall.Signal{syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGHUP} {
		if s == syscall.SIGHUP && ctx.Err() == nil {
			defer func() { <-ctx.Done() }()
		}
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	<-ctx.Done()
}
