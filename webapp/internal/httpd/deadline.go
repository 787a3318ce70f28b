package httpd

import (
	"sync/atomic"
	"time"
)

// tick is the period of the sweep. A second is far below every timeout that makes sense
// here, and walking 20,000 connections takes about a millisecond.
const tick = time.Second

// ticks counts sweeps.
type ticks = uint64

// ticksOf rounds d up and adds the running tick, so that nothing expires early.
func ticksOf(d time.Duration) ticks {
	return ticks((d+tick-1)/tick) + 1
}

// phase is the reason for which a connection waits; it decides which limit applies.
type phase uint64

const (
	busy          phase = iota // the goroutine works, or a handler runs: no limit
	idle                       // no request has begun
	reading                    // a request has begun and is not complete
	writing                    // the socket has not taken the whole response yet
	streaming                  // a stream without a write in progress: no limit
	streamWriting              // a stream with a write in progress
	aside                      // a TLS handshake, or the rest of a refused request
	expired                    // given up by the sweep or by Shutdown
)

const phaseBits = 3

// deadline is the phase of a connection and the tick at which that phase ends, in one
// word, so that the sweep can take it over by compare-and-swap.
type deadline struct{ word atomic.Uint64 }

// enter begins a phase that is due at the given tick, 0 meaning never. It reports false
// when the connection has been given up in the meantime; its deadlines are then in the
// past and only closing it remains.
func (d *deadline) enter(p phase, due ticks) bool {
	old := d.word.Swap(due<<phaseBits | uint64(p))
	return phase(old&(1<<phaseBits-1)) != expired
}

func (d *deadline) load() (word uint64, p phase, due ticks) {
	word = d.word.Load()
	return word, phase(word & (1<<phaseBits - 1)), word >> phaseBits
}

// expire takes the connection over, unless it has gone on since word was read.
func (d *deadline) expire(word uint64) bool {
	return d.word.CompareAndSwap(word, uint64(expired))
}

// drainSlow is the time that an incomplete request has left when a shutdown begins.
const drainSlow ticks = 2

// sweep moves the server's clock and wakes every connection that has waited too long,
// until stop is closed.
func (s *Server) sweep(stop <-chan struct{}) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			s.expireAll(s.clock.Add(1))
		}
	}
}

func (s *Server) expireAll(now ticks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room.Broadcast() // which may leave depends on the time
	for c := range s.conns.all() {
		word, p, due := c.deadline.load()
		if s.lateLocked(p, due, now) && c.deadline.expire(word) {
			c.wake()
		}
		if m := c.multi.Load(); m != nil {
			m.session.Expire(now)
		}
	}
}

// lateLocked reports whether a wait is over. During a shutdown an incomplete request has
// little time, and the answers that are being written have no more than the write
// timeout.
func (s *Server) lateLocked(p phase, due, now ticks) bool {
	if s.draining.Load() {
		switch p {
		case reading:
			due = min(due, s.drainedAt+drainSlow)
		case writing:
			due = min(due, s.drainedAt+s.write-1)
		}
	}
	return due != 0 && due <= now
}
