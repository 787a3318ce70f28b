//go:build lockwatch

package lockwatch

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
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

// longest is the longest hold since Longest was called.
var longest = new(record)

// Hold is one time that a lock was held.
type Hold struct {
	For time.Duration // 0 if no lock was held
	By  string        // the functions that gave it back, the innermost first
}

// Longest returns the longest hold of any lock since the last call, and forgets it.
func Longest() Hold { return longest.take() }

type record struct {
	mu   sync.Mutex
	hold Hold // guarded by mu
}

func (r *record) take() Hold {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.hold
	r.hold = Hold{}
	return h
}

func (r *record) note(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d > r.hold.For {
		r.hold = Hold{d, callers()}
	}
}

// callers names the functions below Unlock.
func callers() string {
	var pcs [6]uintptr
	var names []string
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	for {
		f, more := frames.Next()
		names = append(names, f.Function)
		if !more {
			return strings.Join(names, " < ")
		}
	}
}

// Mutex is a sync.Mutex that reports when it is held for too long.
type Mutex struct {
	mu    sync.Mutex
	timer *time.Timer // guarded by mu
	since time.Time   // guarded by mu
}

// Lock locks the mutex and starts the clock.
func (m *Mutex) Lock() {
	m.mu.Lock()
	holder := goroutine()
	m.timer = time.AfterFunc(limit, func() { report(holder) })
	m.since = time.Now()
}

// Unlock stops the clock and unlocks the mutex.
func (m *Mutex) Unlock() {
	held := time.Since(m.since)
	m.timer.Stop()
	m.mu.Unlock()
	longest.note(held)
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
