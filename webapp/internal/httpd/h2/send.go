package h2

import (
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Head is the head of an answer.
type Head struct {
	Status int
	Length int    // the body's, -1 if it is not told
	Fixed  string // lines, each "Name: value" with CRLF
	More   []byte // further ones
}

// Send sends an answer and returns when the socket has taken all of it. An open one has no
// end but End; it goes on by OnEnd and Write.
func (st *Stream) Send(h *Head, body []byte, open bool) error {
	s := st.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.err != nil {
		return st.err
	}
	st.due = s.server.Now() + s.opt.Write + uint64(len(body)/s.opt.Slowest)
	s.headLocked(st, h, len(body) == 0 && !open)
	err := s.sendLocked(st, body, !open)
	st.due, st.answered = 0, true
	switch {
	case err != nil || !open:
		return err
	case st.closed: // while the last of it went out
		return st.err
	}
	s.eventLocked(st)
	return nil
}

// headLocked appends a head.
func (s *Session) headLocked(st *Stream, h *Head, end bool) {
	s.head = s.head[:0]
	s.fieldLocked(":status", strconv.Itoa(h.Status), false)
	if h.Length >= 0 {
		s.fieldLocked("content-length", strconv.Itoa(h.Length), true)
	}
	s.linesLocked(h.Fixed)
	if len(h.More) > 0 {
		s.linesLocked(string(h.More))
	}
	first := s.head[:min(len(s.head), maxFrame)]
	rest := s.head[len(first):]
	s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: st.id, BlockFragment: first, EndStream: end, EndHeaders: len(rest) == 0})
	for len(rest) > 0 {
		next := rest[:min(len(rest), maxFrame)]
		rest = rest[len(next):]
		s.framer.WriteContinuation(st.id, len(rest) == 0, next)
	}
	if cap(s.head) > maxFrame {
		s.head = nil
	}
}

func (s *Session) linesLocked(lines string) {
	for len(lines) > 0 {
		var line string
		line, lines, _ = strings.Cut(lines, "\r\n")
		name, value, _ := strings.Cut(line, ": ")
		name = lower(name)
		s.fieldLocked(name, value, name == "set-cookie")
	}
}

// fieldLocked appends a field. What is secret, or different each time, stays out of the
// table.
func (s *Session) fieldLocked(name, value string, once bool) {
	s.encoder.WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: once})
}

// lower returns the name as it is sent.
func lower(name string) string {
	if l, ok := lowered[name]; ok {
		return l
	}
	return strings.ToLower(name)
}

// lowered has the names that our answers have, to spare them the work.
var lowered = map[string]string{
	"Content-Type": "content-type", "Cache-Control": "cache-control", "Set-Cookie": "set-cookie", "Vary": "vary",
	"ETag": "etag", "Last-Modified": "last-modified", "Content-Encoding": "content-encoding",
	"X-Content-Type-Options": "x-content-type-options", "X-Accel-Buffering": "x-accel-buffering", "Allow": "allow", "WWW-Authenticate": "www-authenticate",
}

// sendLocked appends a body, as the windows allow, and waits until it is out.
func (s *Session) sendLocked(st *Stream, p []byte, end bool) error {
	defer s.passOnLocked()
	for len(p) > 0 {
		if err := s.roomLocked(st); err != nil {
			return err
		}
		n := int(min(int64(min(len(p), maxFrame)), st.window, s.window))
		last := end && n == len(p)
		s.framer.WriteData(st.id, last, p[:n])
		st.window -= int64(n)
		s.window -= int64(n)
		s.calm.earn(1 + n/creditEach)
		p = p[n:]
	}
	if end {
		s.sentLocked(st)
	}
	return s.flushLocked(st)
}

// sentLocked ends our side of a stream, whose end was appended.
func (s *Session) sentLocked(st *Stream) {
	s.calm.earn(2)
	if !st.complete { // we have said all; what the peer still sends is dropped
		s.framer.WriteRSTStream(st.id, http2.ErrCodeNo)
		s.forgiveLocked(st.id)
	}
	s.closeLocked(st, errEnded)
}

// roomLocked waits until something of a stream's may be appended.
func (s *Session) roomLocked(st *Stream) error {
	for {
		open := st.window > 0 && s.window > 0
		switch {
		case st.err != nil:
			return st.err
		case open && len(s.out) < maxOut:
			return nil
		case open || len(s.out) > 0 && !s.writing: // what there is goes out before anybody waits
			if err := s.flushLocked(st); err != nil {
				return err
			}
		case s.mayHoldLocked(st):
			s.hold(st)
		default:
			s.awaitLocked(st)
		}
	}
}

// awaitLocked waits for a window.
func (s *Session) awaitLocked(st *Stream) {
	switch {
	case st.window > 0 && s.window > 0:
		return
	case st.window > 0:
		s.starved = append(s.starved, st)
		st.starving = true
	default:
		s.passOnLocked()
	}
	st.opened.Wait()
	if st.starving {
		s.unstarveLocked(st)
	}
}

// passOnLocked wakes the first of those who wait for the connection's window. One at a
// time: who has used it wakes the next, so that a peer that opens it by bytes has no
// crowd run for them.
func (s *Session) passOnLocked() {
	if s.window > 0 && len(s.starved) > 0 {
		st := s.starved[0]
		s.unstarveLocked(st)
		st.opened.Signal()
	}
}

func (s *Session) unstarveLocked(st *Stream) {
	st.starving = false
	for i, o := range s.starved {
		if o == st {
			s.starved = append(s.starved[:i], s.starved[i+1:]...)
			return
		}
	}
}

// mayHoldLocked reports whether the request is to learn that its answer has to wait. What
// comes after an open answer holds nothing but a message.
func (s *Session) mayHoldLocked(st *Stream) bool { return st != nil && !st.held && !st.answered }

// hold tells it. The caller holds the lock, which is free meanwhile.
func (s *Session) hold(st *Stream) {
	st.held = true
	s.mu.Unlock()
	st.req.Waits()
	s.mu.Lock()
}

// Blocked is called by Server.Write before it waits.
func (s *Session) Blocked() {
	s.mu.Lock()
	s.blocked = true
	if st := s.writer; s.mayHoldLocked(st) {
		s.hold(st)
	}
	s.mu.Unlock()
}

// flushLocked returns when all that was appended before is with the socket. Who comes
// first writes for all; the last one looks whether more was appended by those who do not
// wait. st is the stream whose goroutine this is, or nil.
func (s *Session) flushLocked(st *Stream) error {
	target := s.appended
	for s.flushed < target {
		switch {
		case s.dead != nil:
			return s.dead
		case !s.writing:
			s.writeOut(st)
		case s.mayHoldLocked(st):
			s.hold(st)
		default:
			s.waiting++
			s.taken.Wait()
			s.waiting--
		}
	}
	s.writeRestLocked()
	return nil
}

// writeRestLocked writes what was appended by those who do not wait, unless somebody else
// will.
func (s *Session) writeRestLocked() {
	for len(s.out) > 0 && !s.writing && s.waiting == 0 && s.dead == nil {
		s.writeOut(nil)
	}
}

// writeOut writes what was appended. The caller holds the lock, which is free meanwhile.
func (s *Session) writeOut(st *Stream) {
	out, box := s.out, s.box
	s.out, s.box, s.writing, s.writer = nil, nil, true, st
	s.mu.Unlock()
	_, err := s.server.Write(out)
	n := len(out)
	giveBuffer(box, out)
	if st != nil && st.held && !st.answered {
		st.req.Took(n)
	}
	s.mu.Lock()
	s.writing, s.writer, s.blocked = false, nil, false
	if err == nil {
		s.flushed += uint64(n)
		s.taken.Broadcast()
		return
	}
	s.server.Cut() // the reading goroutine is to end, too
	s.dieLocked(err)
}

// kick has a goroutine write what was appended by somebody who cannot wait, and holds the
// lock.
func (s *Session) kick() {
	if s.kicked || s.writing || s.waiting > 0 || len(s.out) == 0 || s.dead != nil {
		return
	}
	s.kicked = true
	s.work.Go(func() {
		s.mu.Lock()
		s.kicked = false
		s.writeRestLocked()
		s.mu.Unlock()
	})
}

// maxPooled is the largest buffer that is kept for another write.
const maxPooled = 64 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

func giveBuffer(box *[]byte, b []byte) {
	if cap(b) <= maxPooled {
		*box = b[:0]
		buffers.Put(box)
	}
}
