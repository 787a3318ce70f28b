package api

import (
	"sync"

	"isuride/webapp/internal/lockwatch"
)

// resident is how many writers are kept when there is nothing to write. Under full load
// messages come in bursts of a few hundred, as the chairs of a city move in step; a kept
// writer costs a stack of 8 KiB.
const resident = 256

// keptBuffer is the largest buffer, in bytes, that a writer keeps: a snapshot of the feed
// takes more, and comes once.
const keptBuffer = 64 << 10

// task writes what waits, and returns the buffer it was given.
type task interface{ write(buf []byte) []byte }

// writerPool runs the writers of all streams.
//
// A new goroutine for each message would begin with a small stack and grow it, copy by
// copy, on its way down to the socket: 4 % of the server's CPU time under full load. A
// writer whose peer does not read delays no other stream: more are started as needed.
type writerPool struct {
	work chan task     // unbuffered: taken by an idle writer, or by nobody
	idle chan struct{} // a place for each writer that may wait
	stop chan struct{} // closed by close

	mu      lockwatch.Mutex
	closed  bool           // guarded by mu
	running sync.WaitGroup // grows only under mu, and not once closed
}

func newWriterPool() *writerPool {
	return &writerPool{work: make(chan task), idle: make(chan struct{}, resident), stop: make(chan struct{})}
}

// write has a writer do t. It does not block. A closed pool drops t.
func (p *writerPool) write(t task) {
	select {
	case p.work <- t:
	default:
		p.start(t)
	}
}

func (p *writerPool) start(t task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.running.Go(func() { p.serve(t) })
	}
}

// serve does t and then further tasks, unless enough writers wait for those already.
func (p *writerPool) serve(t task) {
	buf := make([]byte, 0, 1<<10)
	for {
		if buf = t.write(buf); cap(buf) > keptBuffer {
			buf = make([]byte, 0, 1<<10)
		}
		select {
		case p.idle <- struct{}{}:
		default:
			return
		}
		select {
		case t = <-p.work:
			<-p.idle
		case <-p.stop:
			return
		}
	}
}

// close ends the writers and waits for those at work. It is called once.
func (p *writerPool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	close(p.stop)
	p.running.Wait()
}
