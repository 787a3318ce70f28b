package h2

import (
	"net"
	"sync"

	"golang.org/x/net/http2"
)

// Stream is one request and its answer.
type Stream struct {
	// Set once.
	session *Session
	id      uint32
	req     Request

	// Guarded by Session.mu.
	complete bool // the peer has ended its side
	running  bool // the request's goroutine runs
	serving  bool // it does, for a complete request
	ghost    bool // it does, and the stream is gone
	event    bool // the answer has no end
	closed   bool // not in streams any more
	answered bool // Send has returned
	err      error
	due      uint64 // when what it waits for must have happened, 0 for never
	onEnd    func()

	// Guarded by Session.mu: what the peer may send.
	receive, unreturned int
	uploaded            int // bytes of the body while the request is not complete

	// Guarded by Session.mu: what we may send.
	window   int64
	opened   sync.Cond // with Session.mu: the window may have opened, or the stream has ended
	starving bool      // in Session.starved

	held bool // Request.Waits was called; owned by the goroutine that sends
}

func newStream(s *Session, id uint32) *Stream {
	st := &Stream{session: s, id: id, receive: window, window: s.initial}
	st.opened.L = &s.mu
	return st
}

// serve runs the request.
func (st *Stream) serve() {
	st.req.Serve()
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if !st.closed && st.onEnd == nil { // nothing was sent, or nobody goes on with it
		s.resetLocked(st, http2.ErrCodeInternal, errReset)
		s.kick()
	}
	st.running = false
	s.running--
	if st.serving {
		s.serving--
		s.idleDue = s.server.Now() + s.opt.Idle
	}
	if st.ghost {
		s.ghosts--
	}
	s.settleLocked()
}

// closeLocked forgets a stream. Who waits on it gets the error.
func (s *Session) closeLocked(st *Stream, err error) {
	if st.closed {
		return
	}
	st.closed, st.err = true, err
	delete(s.streams, st.id)
	s.uploads -= st.uploaded
	st.uploaded, st.due = 0, 0
	switch {
	case st.running:
		st.ghost = true
		s.ghosts++
	case !st.event:
		st.req.Drop()
	}
	if st.starving {
		s.unstarveLocked(st)
		s.passOnLocked()
	}
	st.opened.Broadcast()
	for i, e := range s.events {
		if e == st {
			s.events = append(s.events[:i], s.events[i+1:]...)
			break
		}
	}
	if st.event {
		s.idleDue = s.server.Now() + s.opt.Idle
	}
	if st.onEnd != nil {
		s.work.Go(st.onEnd)
		st.onEnd = nil
	}
	s.settleLocked()
}

// resetLocked ends a stream for both sides. The frame goes out with what comes next, or
// the caller kicks.
func (s *Session) resetLocked(st *Stream, code http2.ErrCode, err error) {
	if st.closed {
		return
	}
	s.framer.WriteRSTStream(st.id, code)
	s.forgiveLocked(st.id)
	s.closeLocked(st, err)
}

// Write sends a part of an answer without an end, and returns when the socket has taken
// all of it. Any goroutine may call it, one at a time. It waits for the peer as long as
// Options.Write says; after an error the stream is over.
func (st *Stream) Write(p []byte) error {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.err != nil {
		return net.ErrClosed
	}
	st.due = s.server.Now() + s.opt.Write
	err := s.sendLocked(st, p, false)
	st.due = 0
	return err
}

// Ready waits until a part of what Write would send could go out, as long as Write would.
func (st *Stream) Ready() error {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.err == nil && st.window > 0 && s.window > 0 {
		return nil
	}
	st.due = s.server.Now() + s.opt.Write
	err := s.roomLocked(st)
	s.passOnLocked()
	st.due = 0
	return err
}

// OnEnd has fn called once, on a goroutine of its own, when a stream is over whose answer
// has no end. It is called after Send, before Serve returns.
func (st *Stream) OnEnd(fn func()) {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.closed {
		s.work.Go(fn)
		return
	}
	st.onEnd = fn
}

// eventLocked notes that an answer has no end.
func (s *Session) eventLocked(st *Stream) {
	st.event = true
	s.events = append(s.events, st)
	if len(s.events) > s.opt.MaxEvents {
		s.endLocked(s.events[0])
	}
	if s.drains {
		s.endLocked(st)
	}
}

// End ends an answer without an end in order. Any goroutine may call it, repeatedly; it
// never waits.
func (st *Stream) End() {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(st)
}

func (s *Session) endLocked(st *Stream) {
	if st.closed {
		return
	}
	s.framer.WriteData(st.id, true, nil)
	s.closeLocked(st, errEnded)
	s.kick()
}

// Cut ends the stream at once, and the connection with it if that takes nothing.
func (st *Stream) Cut() {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocked {
		s.server.Cut()
		return
	}
	s.resetLocked(st, http2.ErrCodeEnhanceYourCalm, errLate)
	s.kick()
}

// Gone reports whether nobody waits for the answer any more.
func (st *Stream) Gone() bool {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.closed
}
