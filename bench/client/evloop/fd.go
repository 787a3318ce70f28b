package evloop

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// An FD is a descriptor watched by a loop. It owns the descriptor from Watch on.
type FD struct {
	loop     *Loop
	slot     int32
	num      int
	interest Events
}

// Watch calls h when fd is ready for what interest names. On an error fd stays the
// caller's.
func (l *Loop) Watch(fd int, interest Events, h Handler) (FD, error) {
	f := FD{loop: l, slot: l.takeSlot(h), num: fd, interest: interest}
	if err := f.control(unix.EPOLL_CTL_ADD); err != nil {
		l.freeSlot(f.slot)
		return FD{}, err
	}
	return f, nil
}

// Num is the descriptor's number.
func (f *FD) Num() int { return f.num }

// Want changes what the handler is called for. It costs a system call only when that
// differs.
func (f *FD) Want(interest Events) error {
	if f.interest == interest {
		return nil
	}
	f.interest = interest
	return f.control(unix.EPOLL_CTL_MOD)
}

// Close closes the descriptor; the handler is not called again. It must be called once.
func (f *FD) Close() {
	f.loop.freeSlot(f.slot)
	unix.Close(f.num) // leaves the epoll set with it, as nobody holds a duplicate
}

func (f *FD) control(op int) error {
	e := unix.EpollEvent{Events: uint32(f.interest), Fd: f.slot, Pad: f.loop.slots[f.slot].generation}
	if err := unix.EpollCtl(f.loop.epfd, op, f.num, &e); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

func (l *Loop) takeSlot(h Handler) int32 {
	if n := len(l.free); n > 0 {
		s := l.free[n-1]
		l.free = l.free[:n-1]
		l.slots[s].handler = h
		return s
	}
	l.slots = append(l.slots, slot{handler: h})
	return int32(len(l.slots) - 1)
}

func (l *Loop) freeSlot(s int32) {
	l.slots[s] = slot{generation: l.slots[s].generation + 1}
	l.free = append(l.free, s)
}
