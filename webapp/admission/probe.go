package admission

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Probe is a client of our own: it writes a byte into a socket whose reader waits like any
// connection, and measures how long it takes until that has it. So it passes the same
// two queues as a request, the kernel's of what is ready and the runtime's of what can run, over
// whatever transport the requests come: TLS, HTTP/2, unix sockets.
//
// A byte is sent each time that the source is asked, so a gate that rests costs nothing here. It is
// written by a goroutine of this process, so of a time in which nothing of the process
// runs it sees the end only.
type Probe struct {
	in, out *os.File
	sent    atomic.Int64 // ns since began; 0 when nothing is under way
	began   time.Time
	low     lowest
}

// NewProbe makes a probe; Close ends it.
func NewProbe() (*Probe, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("a pair of sockets to measure waits with: %w", err)
	}
	return &Probe{in: os.NewFile(uintptr(fds[0]), "probe"), out: os.NewFile(uintptr(fds[1]), "probe"), began: time.Now()}, nil
}

// Source is what the probe has seen.
func (p *Probe) Source() Source { return Source{Name: "probe", Low: p.take} }

// take returns what the last byte has waited, or the age of one that is still under way, and sends
// the next one.
func (p *Probe) take() (time.Duration, bool) {
	low, seen, _ := p.low.take()
	sent := p.sent.Load()
	switch {
	case sent == 0:
		p.send()
	case !seen:
		return time.Since(p.began) - time.Duration(sent), true
	}
	return low, seen
}

// send sends a byte. None is under way.
func (p *Probe) send() {
	p.sent.Store(int64(time.Since(p.began)))
	if _, err := p.out.Write([]byte{0}); err != nil { // Run has ended
		p.sent.Store(0)
	}
}

// Run reads until ctx is done.
func (p *Probe) Run(ctx context.Context) {
	defer p.in.Close()
	stop := context.AfterFunc(ctx, func() { p.out.Close() })
	defer stop()
	p.read()
}

func (p *Probe) read() {
	var b [1]byte
	for {
		if _, err := io.ReadFull(p.in, b[:]); err != nil {
			return
		}
		p.low.add(time.Since(p.began) - time.Duration(p.sent.Load()))
		p.sent.Store(0)
	}
}
