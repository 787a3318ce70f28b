package evloop

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// A timerfd is a timer of the kernel that wakes its loop.
type timerfd struct {
	fd   FD
	loop *Loop
	buf  [8]byte
}

// newTimerfd makes one that is not running.
func newTimerfd(l *Loop) (*timerfd, error) {
	num, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("timerfd_create: %w", err)
	}
	t := &timerfd{loop: l}
	if t.fd, err = l.Watch(num, Readable, t); err != nil {
		unix.Close(num)
		return nil, err
	}
	return t, nil
}

// set makes it go off once, after d.
func (t *timerfd) set(d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))} // 0 would stop it
	if err := unix.TimerfdSettime(t.fd.num, 0, &spec, nil); err != nil {
		return fmt.Errorf("timerfd_settime: %w", err)
	}
	return nil
}

// Ready is called by the loop, which then looks for what is due.
func (t *timerfd) Ready(Events) {
	if n, err := Read(t.fd.num, t.buf[:]); err == nil && n == len(t.buf) {
		t.loop.armed = 0
	}
}

func (t *timerfd) close() { t.fd.Close() }
