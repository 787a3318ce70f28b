package evloop

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A timerfd is a timer of the kernel, watched by the loop.
type timerfd struct {
	fd   FD
	fire func(periods int)
	buf  [8]byte
}

// newTimerfd makes one that is not running.
func (l *Loop) newTimerfd(fire func(periods int)) (*timerfd, error) {
	num, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	t := &timerfd{fire: fire}
	if t.fd, err = l.Watch(num, Readable, t); err != nil {
		unix.Close(num)
		return nil, err
	}
	return t, nil
}

// set lets it fire after first, which must be positive, and then every period if that is not 0.
func (t *timerfd) set(first, period time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(first, 1))), Interval: unix.NsecToTimespec(int64(period))}
	if err := unix.TimerfdSettime(t.fd.num, 0, &spec, nil); err != nil {
		return fmt.Errorf("timerfd_settime: %w", err)
	}
	return nil
}

// Ready is called by the loop.
func (t *timerfd) Ready(Events) {
	if n, err := Read(t.fd.num, t.buf[:]); err == nil && n == len(t.buf) {
		t.fire(int(binary.NativeEndian.Uint64(t.buf[:])))
	}
}

func (t *timerfd) close() { t.fd.Close() }

// A Ticker calls a function at a fixed period of the machine's clock, so that a late call does not shift later ones. If
// the loop is late by more than a period, the function is called once for all that has passed (spec 2.1).
type Ticker struct{ timer *timerfd }

// Every starts a ticker: fn is called with the number of periods that have ended since the last call, normally 1.
func (l *Loop) Every(period time.Duration, fn func(periods int)) (*Ticker, error) {
	t, err := l.newTimerfd(fn)
	if err != nil {
		return nil, err
	}
	if err := t.set(period, period); err != nil {
		t.close()
		return nil, err
	}
	return &Ticker{t}, nil
}

// Stop ends the ticker. It must be called once.
func (t *Ticker) Stop() { t.timer.close() }
