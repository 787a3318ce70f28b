// Package evloop serves many sockets and timers on one goroutine with epoll, so that a
// connection costs neither a goroutine nor a buffer of its own and an answer is handled
// without waking another goroutine.
//
// It knows nothing of protocols: it calls handlers whose descriptor is ready, fires
// timers, and runs what other goroutines post. Reading, writing and buffers are the
// handler's, except for one scratch buffer per loop.
package evloop

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Events is a set of things a descriptor is ready for, or is asked about.
type Events uint32

const (
	Readable Events = unix.EPOLLIN
	Writable Events = unix.EPOLLOUT
	// Closed is reported whether asked for or not: an error, or both directions are shut.
	Closed Events = unix.EPOLLERR | unix.EPOLLHUP
)

// A Handler is called when its descriptor is ready. Readiness is level-triggered: what is
// left unread is reported again.
type Handler interface{ Ready(Events) }

// A Task is something to run on the loop's goroutine.
type Task interface{ Run() }

// Func is a function as a Task.
type Func func()

func (f Func) Run() { f() }

const (
	// batch bounds the events taken at once. A tick waits at most for one batch, about a
	// millisecond's work.
	batch = 128
	// scratchSize is the most that is read at once; it holds the longest event line,
	// 64 KiB (B9.2).
	scratchSize = 64 << 10
)

// A Loop is one event loop. Its methods, except Post and Stop, are for the goroutine that
// calls Run, or for any one goroutine before that.
type Loop struct {
	// Set once.
	epoll  *os.File // owns epfd
	raw    syscall.RawConn
	epfd   int
	wakefd int
	look   func(uintptr) bool // lookNow, for raw
	start  time.Time

	// Owned by the goroutine of Run.
	slots    []slot
	free     []int32
	wheel    *wheel
	deferred []Task
	taken    []Task // the posted tasks being run, kept for its capacity
	stopped  bool
	tickers  []*Ticker
	alarm    *timerfd
	armed    time.Duration // on the loop's clock: when the alarm goes off, 0 if it is not set
	scratch  []byte
	events   [batch]unix.EpollEvent
	ready    int   // how many events there are
	failed   error // of epoll_wait

	asleep atomic.Bool // a Post must wake the loop

	mu     sync.Mutex
	posted []Task // guarded by mu
}

// A slot is one watched descriptor. Its generation shows which events are late ones of an
// earlier user of the slot.
type slot struct {
	handler    Handler
	generation int32
}

// New makes a loop. It must be closed.
func New() (*Loop, error) {
	l := &Loop{start: time.Now(), wheel: new(wheel), scratch: make([]byte, scratchSize)}
	l.look = l.lookNow
	if err := l.open(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Loop) open() (err error) {
	if l.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create: %w", err)
	}
	// Only a non-blocking descriptor is handed to the runtime's poller by os.NewFile.
	if err = unix.SetNonblock(l.epfd, true); err != nil {
		return fmt.Errorf("epoll descriptor: %w", err)
	}
	l.epoll = os.NewFile(uintptr(l.epfd), "epoll")
	if l.raw, err = l.epoll.SyscallConn(); err != nil {
		return fmt.Errorf("epoll descriptor: %w", err)
	}
	if l.wakefd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if _, err = l.Watch(l.wakefd, Readable, waker{l}); err != nil {
		return err
	}
	l.alarm, err = newTimerfd(l)
	return err
}

// Close frees the loop's own descriptors. It must not be running.
func (l *Loop) Close() {
	if l.alarm != nil {
		l.alarm.close()
	}
	if l.wakefd > 0 {
		unix.Close(l.wakefd)
	}
	if l.epoll != nil {
		l.epoll.Close()
	}
}

// Scratch is the buffer into which a handler reads. Its content lasts until the handler
// returns.
func (l *Loop) Scratch() []byte { return l.scratch }

// Run serves until Stop.
func (l *Loop) Run() error {
	l.runDeferred()
	for !l.stopped {
		n, err := l.wait()
		if err != nil {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for i := range l.events[:n] {
			l.dispatch(&l.events[i])
			l.runDeferred()
		}
		l.runPosted()
		l.runTimers()
	}
	l.stopped = false
	return nil
}

// Stop makes Run return after what it is doing. Any goroutine may call it.
func (l *Loop) Stop() { l.Post(Func(func() { l.stopped = true })) }

// wait sleeps until there is something to do.
//
// The goroutine is parked by the runtime, which watches the epoll descriptor in its own
// one, instead of being blocked in epoll_wait: returning from a blocking system call
// costs several switches to get a processor back. For the same reason the next timer is a
// timerfd and no deadline, which would wake the runtime's monitor as well. With 40
// position reports a tick this took the CPU time of a request from 17 to 12 us, with 10
// from 37 to 23 (BenchmarkTick of package client, 2 busy CPUs).
func (l *Loop) wait() (int, error) {
	l.asleep.Store(true)
	defer l.asleep.Store(false)
	due, err := l.arm()
	if l.look(0) || due || err != nil {
		return l.ready, errors.Join(err, l.failed)
	}
	if err := l.raw.Read(l.look); err != nil {
		return 0, err
	}
	return l.ready, l.failed
}

// lookNow takes the events there are; false if there are none.
func (l *Loop) lookNow(uintptr) bool {
	l.ready, l.failed = epollNow(l.epfd, l.events[:])
	return l.ready > 0 || l.failed != nil
}

// arm makes sure that the loop wakes up for the next timer; true if there is something to
// do already. It must be called after asleep was set: a task posted before that is seen
// here, one posted later wakes the loop.
func (l *Loop) arm() (due bool, err error) {
	l.mu.Lock()
	posted := len(l.posted)
	l.mu.Unlock()
	at, ok := l.nextTimer()
	now := l.clock()
	if posted > 0 || ok && at <= now {
		return true, nil
	}
	// Waking up early for a timer that was stopped does no harm.
	if ok && (l.armed == 0 || at < l.armed) {
		l.armed = at
		err = l.alarm.set(at - now)
	}
	return false, err
}

// nextTimer returns the time at which the next timer or ticker is due, false if there is
// none.
func (l *Loop) nextTimer() (time.Duration, bool) {
	millis, ok := l.wheel.next()
	at := time.Duration(millis) * time.Millisecond
	for _, t := range l.tickers {
		if !ok || t.next < at {
			at, ok = t.next, true
		}
	}
	return at, ok
}

// runTimers runs what is due. It has its turn after every batch of events, so that a
// flood of them delays no tick.
func (l *Loop) runTimers() {
	for _, t := range l.tickers {
		if t.tick(l.clock()) {
			l.runDeferred()
		}
	}
	l.wheel.advance(int64(l.clock() / time.Millisecond))
	l.runDeferred()
}

func (l *Loop) dispatch(e *unix.EpollEvent) {
	if s := &l.slots[e.Fd]; s.generation == e.Pad && s.handler != nil {
		s.handler.Ready(Events(e.Events))
	}
}

// Post runs t on the loop's goroutine, soon and in order of posting. Any goroutine may
// call it. The queue has no bound: those who post bound what they have under way.
func (l *Loop) Post(t Task) {
	l.mu.Lock()
	l.posted = append(l.posted, t)
	l.mu.Unlock()
	if l.asleep.CompareAndSwap(true, false) {
		l.wake()
	}
}

func (l *Loop) wake() {
	increment := [8]byte{1} // in the host's byte order, but any number other than zero serves
	Write(l.wakefd, increment[:])
}

type waker struct{ *Loop }

// Ready takes the wake-up back; the posted tasks run after the batch.
func (w waker) Ready(Events) { Read(w.wakefd, w.scratch[:8]) }

func (l *Loop) runPosted() {
	l.mu.Lock()
	l.taken, l.posted = l.posted, l.taken[:0]
	l.mu.Unlock()
	for i, t := range l.taken {
		l.taken[i] = nil
		t.Run()
		l.runDeferred()
	}
}

// Defer runs t after the handler, timer or task that is running now has returned. A call
// uses it to answer "later" without leaving the goroutine.
func (l *Loop) Defer(t Task) { l.deferred = append(l.deferred, t) }

// runDeferred also runs what the deferred tasks defer.
func (l *Loop) runDeferred() {
	for i := 0; i < len(l.deferred); i++ {
		t := l.deferred[i]
		l.deferred[i] = nil
		t.Run()
	}
	l.deferred = l.deferred[:0]
}

// Start makes t fire after d, or a millisecond later at most if the loop is not busy. A
// running t is restarted.
func (l *Loop) Start(t *Timer, d time.Duration) {
	l.wheel.remove(t)
	t.due = int64((l.clock() + d + time.Millisecond - 1) / time.Millisecond)
	l.wheel.add(t)
}

// Cancel stops t if it is active.
func (l *Loop) Cancel(t *Timer) { l.wheel.remove(t) }

// clock is the time since the loop was made.
func (l *Loop) clock() time.Duration { return time.Since(l.start) }
