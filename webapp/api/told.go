package api

import (
	"encoding/json"
	"strconv"

	"isuride/webapp/engine"
	"isuride/webapp/feed"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// told is a session whose notifications are told over a connection with others. They count as
// delivered as those of a stream do (notify, invariant 5).
type told struct {
	// Set once.
	r        *realtime
	name     string
	head     []byte // of its frames: everything before the action
	gen      *engine.Generation
	to       recipient
	counters *recipientCounters
	since    isuride.Time // when it began; set before it is ready
	out      func()       // takes it out of its generation; likewise

	mute bool // nothing was told yet; owned by the writer

	// Guarded by r.mu.
	log    *state.Stream // nil until it has begun
	queued bool          // it is in r.ready
	ended  bool          // its generation has
}

func newTold(r *realtime, name string, gen *engine.Generation, to recipient) *told {
	text, err := json.Marshal(name)
	if err != nil {
		panic("BUG: a name has no JSON form: " + err.Error())
	}
	head := append(append([]byte(`{"sub":`), text...), `,"table":"notifications","action":"`...)
	return &told{r: r, name: name, head: head, gen: gen, to: to, counters: &r.api.recipients[to.side], mute: true}
}

// frame is a frame of the subscription; data is what the action brings, if anything.
func (s *told) frame(action string, data []byte) []byte { return s.appendFrame(nil, action, data) }

func (s *told) appendFrame(dst []byte, action string, data []byte) []byte {
	dst = append(append(append(dst, s.head...), action...), `","epoch":`...)
	dst = strconv.AppendUint(dst, s.gen.Number(), 10)
	if data == nil {
		return append(dst, '}')
	}
	return append(append(append(dst, `,"data":[`...), data...), `]}`...)
}

// begin opens the session's log. It reports false if its generation has ended.
func (s *told) begin() bool {
	out, ok := s.gen.Join(s.over)
	if !ok {
		return false
	}
	s.out, s.since = out, s.gen.Now()
	s.counters.streams.Add(1)
	log := s.to.log.Open(s.wake)
	s.r.mu.Lock()
	s.log = log
	s.queueLocked()
	s.r.mu.Unlock()
	s.r.wake()
	return true
}

// leave is called once, when the session has been taken from its connection.
func (s *told) leave() {
	s.log.Close()
	s.out()
	s.to.left()
	s.counters.streams.Add(-1)
}

// wake is called, with the log locked, when a message has been added.
func (s *told) wake() {
	s.r.mu.Lock()
	s.queueLocked()
	s.r.mu.Unlock()
	s.r.wake()
}

// over is called, with the generation's streams locked, when it ends.
func (s *told) over() {
	s.r.mu.Lock()
	s.ended = true
	s.queueLocked()
	s.r.mu.Unlock()
	s.r.wake()
}

func (s *told) queueLocked() {
	if s.log != nil && !s.queued {
		s.queued = true
		s.r.ready = append(s.r.ready, s)
	}
}

// outward is a notification on its way.
type outward struct {
	s *told
	m state.Message
}

// write writes until nothing is left, and returns the buffer it was given.
func (r *realtime) write(buf []byte) []byte {
	for ok := true; ok; {
		r.turns.begin()
		buf, ok = r.writeAll(buf)
		if ok && r.turns.end() {
			return buf
		}
	}
	r.conn.Close()
	return buf
}

// writeAll reports false when the connection is to end.
func (r *realtime) writeAll(buf []byte) ([]byte, bool) {
	for !r.last {
		var ok bool
		if buf, ok = r.collect(buf[:0]); !ok {
			return buf, false
		}
		if len(buf) == 0 {
			return buf, true
		}
		if r.conn.Write(buf) != nil {
			return buf, false
		}
		r.written()
	}
	return buf, false
}

// collect appends what there is to be written, a piece at most.
func (r *realtime) collect(buf []byte) ([]byte, bool) {
	r.mu.Lock()
	buf = append(buf, r.said...)
	r.said = r.said[:0]
	r.batch, r.ready = r.ready, r.batch[:0]
	for _, s := range r.batch {
		s.queued = false
	}
	r.mu.Unlock()
	buf, ok := r.collectTold(buf)
	r.mu.Lock()
	end := r.farewell
	r.mu.Unlock()
	for len(buf) < pieceSize && !r.last && end == nil {
		m, any := r.feed.Next()
		if !any {
			break
		}
		buf, r.last = appendText(buf, m.JSON), m.Ends
		if m.Ends {
			end = errGoing
		}
	}
	if end != nil {
		buf, r.last = appendClose(buf, end), true
	}
	return buf, ok
}

// collectTold takes one message of each session that has one. It reports false if they can
// not be sent, since what they say is not recorded. The writer waits for the watermark, once
// for all of them: one writer for a thousand sessions is no reason to be called back.
func (r *realtime) collectTold(buf []byte) ([]byte, bool) {
	r.out = r.out[:0]
	for i, s := range r.batch {
		if len(buf) >= pieceSize {
			r.again(r.batch[i:])
			break
		}
		var ok bool
		if buf, ok = s.next(buf); !ok {
			return buf, false
		}
	}
	for i := range r.out {
		if gen := r.out[i].s.gen; i == 0 || gen != r.out[i-1].s.gen {
			if gen.Safe() != nil {
				return buf, false
			}
		}
	}
	return buf, true
}

// next appends the session's next message.
func (s *told) next(buf []byte) ([]byte, bool) {
	if s.hasEnded() {
		s.drop(feed.Closing, sessionOver)
		return buf, true
	}
	if s.mute {
		s.mute = false
		if _, _, any := s.to.log.Current(); !any {
			s.r.text = s.appendFrame(s.r.text[:0], "notification", []byte{})
			buf = appendText(buf, s.r.text)
		}
	}
	m, n, any := s.log.Next()
	switch {
	case !any && s.log.Displaced():
		s.drop(feed.TooMany, displacedText)
		return buf, true
	case !any:
		return buf, true
	case m.Status == isuride.Matching && s.r.conn.Gone(): // as eventStream.writeAll
		return buf, false
	case s.gen.Store.Delivered(s.to.log, s.to.side, n) != nil:
		return buf, false
	}
	s.r.out = append(s.r.out, outward{s, m})
	s.r.text = s.appendFrame(s.r.text[:0], "notification", nil)
	s.r.text = s.to.encode(append(s.r.text[:len(s.r.text)-1], `,"data":[`...), &m)
	return appendText(buf, append(s.r.text, `]}`...)), true
}

func (s *told) hasEnded() bool {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	return s.ended
}

// drop ends the session's notifications with a reason.
func (s *told) drop(code feed.Code, text string) {
	r := s.r
	r.mu.Lock()
	mine := r.sessions[s.name] == s
	if mine {
		delete(r.sessions, s.name)
	}
	r.mu.Unlock()
	if mine {
		s.leave()
		r.feed.Refuse(&feed.Error{Sub: s.name, Table: notifications, Code: code, Text: text})
	}
}

// written takes note of what the socket has, and looks at those sessions again.
func (r *realtime) written() {
	for i := range r.out {
		o := &r.out[i]
		o.s.counters.message(&o.m, o.s.since, o.s.gen.Now())
		r.mu.Lock()
		o.s.queueLocked()
		r.mu.Unlock()
		*o = outward{}
	}
}

// again puts sessions back whose turn did not come.
func (r *realtime) again(sessions []*told) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range sessions {
		s.queueLocked()
	}
}
