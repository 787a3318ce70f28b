package evloop

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A Ticker calls a function at a fixed period of the machine's clock, so that a late call does not shift later ones. If
// the loop is late by more than a period, the function is called once for all that has passed (spec 2.1).
type Ticker struct {
	fd  FD
	fn  func(periods int)
	buf [8]byte
}

// Every starts a ticker: fn is called with the number of periods that have ended since the last call, normally 1.
func (l *Loop) Every(period time.Duration, fn func(periods int)) (*Ticker, error) {
	num, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	spec := unix.NsecToTimespec(period.Nanoseconds())
	if err := unix.TimerfdSettime(num, 0, &unix.ItimerSpec{Interval: spec, Value: spec}, nil); err != nil {
		unix.Close(num)
		return nil, fmt.Errorf("timerfd_settime: %w", err)
	}
	t := &Ticker{fn: fn}
	if t.fd, err = l.Watch(num, Readable, t); err != nil {
		unix.Close(num)
		return nil, err
	}
	return t, nil
}

// Ready is called by the loop.
func (t *Ticker) Ready(Events) {
	if n, err := unix.Read(t.fd.num, t.buf[:]); err == nil && n == len(t.buf) {
		t.fn(int(binary.NativeEndian.Uint64(t.buf[:])))
	}
}

// Stop ends the ticker. It must be called once.
func (t *Ticker) Stop() { t.fd.Close() }
