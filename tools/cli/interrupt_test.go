package cli

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestUntilInterrupted: losing the reader ends nothing, and HUP may arrive twice.
func TestUntilInterrupted(t *testing.T) {
	ends := []syscall.Signal{syscall.SIGHUP, syscall.SIGHUP}
	if signal.Ignored(syscall.SIGHUP) { // the tests run under nohup
		ends = []syscall.Signal{syscall.SIGTERM}
	}
	ctx := UntilInterrupted()
	send(t, syscall.SIGPIPE)
	if ctx.Err() != nil {
		t.Error("SIGPIPE ends it")
	}
	for _, s := range ends {
		send(t, s)
	}
	<-ctx.Done()
}

func send(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Fatal(err)
	}
}
