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

// reportPeriod is how often progress is shown and reported (B1.3).
const reportPeriod = 3 * time.Second

// A display shows a run on a terminal, where it rewrites the last line, or line by line.
type display struct {
	out      io.Writer
	terminal *os.File // out, or nil if that is not a terminal
	settings *settings
	reporter *reporter
	seed     uint64

	mu   sync.Mutex
	last time.Duration // time in the load when progress was last shown; guarded by mu
}

func newDisplay(out *os.File, s *settings, r *reporter, seed uint64) *display {
	d := &display{out: out, settings: s, reporter: r, seed: seed}
	if _, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS); err == nil && os.Getenv("TERM") != "dumb" {
		d.terminal = out
	}
	return d
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
	at := time.Duration(s.Seconds * float64(time.Second))
	due := at-d.last >= reportPeriod-live.SamplePeriod/2
	switch {
	case d.terminal != nil:
		d.clearLine()
		fmt.Fprint(d.out, cut(d.line(s), width(d.terminal)))
	case due:
		fmt.Fprintln(d.out, d.line(s))
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

// line describes the progress, the most important figures first.
func (d *display) line(s live.Sample) string {
	line := fmt.Sprintf("%3.0f of %v s  score %d  errors %d of %d  rides %d of %d  users %d  chairs %d, %d free",
		s.Seconds, &d.settings.load, s.Score, s.Errors, world.ErrorLimit, s.Completed, s.Rides, s.Users, s.Chairs, s.EmptyChairs)
	if s.LostTicks > 0 {
		line += fmt.Sprintf("  ticks lost %d of %d", s.LostTicks, s.Ticks+s.LostTicks)
	}
	return line
}

// width is the terminal's, or 80 if that is unknown.
func width(terminal *os.File) int {
	size, err := unix.IoctlGetWinsize(int(terminal.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 80
	}
	return int(size.Col)
}

// cut shortens a line to fit, because one that wraps could not be cleared.
func cut(line string, width int) string {
	return line[:min(len(line), width-1)]
}

// clearLine clears the last line of a terminal.
func (d *display) clearLine() {
	if d.terminal != nil {
		fmt.Fprint(d.out, "\r\x1b[K")
	}
}

// summary prints the report at the end of a run.
func (d *display) summary(r *report.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clearLine()
	fmt.Fprintln(d.out)
	return r.Text(d.out)
}
