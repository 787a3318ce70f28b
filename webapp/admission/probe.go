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

// probePeriod is the time between two probes: one for each interval, for four hundredths of a percent
// of a processor.
const probePeriod = interval

// Probe is a client of our own: it writes a byte into a socket whose reader waits like any
// connection, and measures how long it takes until that has it. So it passes the same
// two queues as a request, the kernel's of what is ready and the runtime's of what can run, over
// whatever transport the requests come: TLS, HTTP/2, unix sockets.
//
// It is written by a goroutine of this process, so of a time in which nothing of the
// process runs it sees the end only.
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

// take counts a byte that is still under way by its age.
func (p *Probe) take() (time.Duration, bool) {
	low, seen, _ := p.low.take()
	if seen {
		return low, true
	}
	if sent := p.sent.Load(); sent != 0 {
		return time.Since(p.began) - time.Duration(sent), true
	}
	return 0, false
}

// Run sends until ctx is done, and ends the reader then.
func (p *Probe) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() { defer close(done); p.read() }()
	defer func() {
		p.out.Close()
		<-done
		p.in.Close()
	}()
	t := time.NewTicker(probePeriod)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if !p.send() {
				return
			}
		}
	}
}

// send sends the next byte, if the last one has come.
func (p *Probe) send() bool {
	if p.sent.Load() != 0 {
		return true
	}
	p.sent.Store(int64(time.Since(p.began)))
	_, err := p.out.Write([]byte{0})
	return err == nil
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
