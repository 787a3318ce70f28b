package server

import (
	"os"
	"syscall"
	"testing"

	"isuride/tools/dev/bound"
)

// TestSecondSignal: the first signal asks for an orderly stop, the second ends it.
func TestSecondSignal(t *testing.T) {
	again := make(chan struct{})
	ctx := untilSignal(func() { close(again) })
	for _, happened := range []<-chan struct{}{ctx.Done(), again} {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		bound.Receive(t, "what a signal brings about", happened)
	}
}
