//go:build lockwatch

package lockwatch

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"
)

// limit is how long a lock may be held.
var limit = limitOf(os.Getenv("LOCKWATCH"))

func limitOf(text string) time.Duration {
	if text == "" {
		return 100 * time.Millisecond
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		panic(fmt.Sprintf("LOCKWATCH=%q is not a duration", text))
	}
	return d
}

// Mutex is a sync.Mutex that reports when it is held for too long.
type Mutex struct {
	mu    sync.Mutex
	timer *time.Timer // guarded by mu
}

// Lock locks the mutex and starts the clock.
func (m *Mutex) Lock() {
	m.mu.Lock()
	holder := goroutine()
	m.timer = time.AfterFunc(limit, func() { report(holder) })
}

// Unlock stops the clock and unlocks the mutex.
func (m *Mutex) Unlock() {
	m.timer.Stop()
	m.mu.Unlock()
}

// report logs where the holder is now. A holder that has let go in the meantime is shown
// where it has got to.
func report(holder []byte) {
	slog.Warn("a lock is held for too long", "limit", limit, "holder", string(stackOf(holder)))
}

// goroutine returns the prefix of the caller's stack trace that identifies the goroutine.
func goroutine() []byte {
	var buf [64]byte
	text := buf[:runtime.Stack(buf[:], false)]
	return bytes.Clone(text[:bytes.IndexByte(text, '[')])
}

// stackOf returns the present stack of a goroutine.
func stackOf(holder []byte) []byte {
	buf := make([]byte, 1<<20)
	for n := runtime.Stack(buf, true); n == len(buf); n = runtime.Stack(buf, true) {
		buf = make([]byte, 2*len(buf))
	}
	for stack := range bytes.SplitSeq(bytes.TrimRight(buf, "\x00"), []byte("\n\n")) {
		if bytes.HasPrefix(stack, holder) {
			return stack
		}
	}
	return append(holder, "has ended"...)
}
