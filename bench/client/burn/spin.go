package burn

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A Burner uses up CPU and measures it. Both methods are for a goroutine that is locked to
// its thread.
type Burner interface {
	Burn(time.Duration)
	CPU() time.Duration // that the thread has used so far
}

// Spinner burns in a loop whose speed is measured once. Iterations, not readings of a
// clock, decide how long it takes: on a machine that slows down, work takes longer, too.
type Spinner struct{ perMicrosecond float64 }

// Calibration has an odd number of trials, of which the median counts: others may use the
// machine meanwhile, but only the thread's own time is measured.
const (
	trials          = 15
	trialIterations = 1 << 20 // a millisecond or two
)

// Calibrate measures the speed of the loop.
func Calibrate() *Spinner {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := new(Spinner)
	var speeds []float64
	for range trials {
		begun := s.CPU()
		spin(trialIterations)
		used := max(s.CPU()-begun, time.Microsecond)
		speeds = append(speeds, trialIterations/(float64(used)/float64(time.Microsecond)))
	}
	slices.Sort(speeds)
	s.perMicrosecond = speeds[trials/2]
	return s
}

// Burn uses up d of CPU.
func (s *Spinner) Burn(d time.Duration) {
	spin(int(s.perMicrosecond * float64(d) / float64(time.Microsecond)))
}

// CPU reads the thread's clock.
func (s *Spinner) CPU() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic("BUG: " + err.Error())
	}
	return time.Duration(t.Nano())
}

var sink atomic.Uint64 // keeps the compiler from dropping the loop

// spin is a chain in which each step needs the one before, so that its speed hardly
// depends on what the core's other thread does.
func spin(iterations int) {
	x := uint64(iterations) | 1
	for range iterations {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	sink.Store(x)
}
