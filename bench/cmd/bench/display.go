package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"isuride/bench/live"
	"isuride/bench/report"
	"isuride/bench/world"
)

// reportPeriod is how often progress is shown and reported (spec 1.3).
const reportPeriod = 3 * time.Second

// A display shows a run on a terminal, where the last line lives, or line by line.
type display struct {
	out      io.Writer
	terminal bool
	settings *settings
	reporter *reporter
	seed     uint64

	mu   sync.Mutex
	last time.Duration // of the load when progress was last shown; guarded by mu
}

func newDisplay(out *os.File, s *settings, r *reporter, seed uint64) *display {
	_, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	return &display{out: out, terminal: err == nil, settings: s, reporter: r, seed: seed}
}

// Phase implements live.Observer.
func (d *display) Phase(p live.Phase) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch p {
	case live.PhaseLoad:
		fmt.Fprintf(d.out, "%s for %v s, seed %d\n", p, &d.settings.load, d.seed)
	default:
		d.clearLine()
		fmt.Fprintln(d.out, p)
	}
}

// Sample implements live.Observer.
func (d *display) Sample(s live.Sample) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := fmt.Sprintf("%3.0f s  score %d, rides %d of %d, users %d, chairs %d (%d free), errors %d of %d, ticks %d",
		s.Seconds, s.Score, s.Completed, s.Rides, s.Users, s.Chairs, s.EmptyChairs, s.Errors, world.ErrorLimit, s.Ticks)
	if s.LostTicks > 0 {
		line += fmt.Sprintf(" (%d lost)", s.LostTicks)
	}
	at := time.Duration(s.Seconds * float64(time.Second))
	due := at-d.last >= reportPeriod-live.SamplePeriod/2
	switch {
	case d.terminal:
		d.clearLine()
		fmt.Fprint(d.out, line)
	case due:
		fmt.Fprintln(d.out, line)
	}
	if !due {
		return
	}
	d.last = at
	if d.settings.metrics {
		fmt.Fprintf(os.Stderr, "metrics %+v\n", s)
	}
	d.reporter.send(message{Score: s.Score})
}

// clearLine makes room on the living line of a terminal.
func (d *display) clearLine() {
	if d.terminal {
		fmt.Fprint(d.out, "\r\x1b[K")
	}
}

// summary is the text at the end of a run.
func (d *display) summary(r *report.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clearLine()
	fmt.Fprintln(d.out)
	return r.Text(d.out)
}
