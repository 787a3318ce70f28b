package journal

import (
	"context"
	"fmt"

	"isuride/webapp/internal/pulse"
)

// oversized is the capacity from which a subscriber's buffer is not kept.
const oversized = 64 << 10

// Subscriber reads the log in order, up to the watermark, for others than recovery and
// the SQL writer. It holds nothing of the log between calls: who is further behind than
// what is kept gets a *GoneError. It belongs to one goroutine and must be closed.
type Subscriber struct {
	j *Journal

	// owned by the reading goroutine
	cursor
	payload []byte
	marked  uint64 // the record at which it last left a landmark
	err     error  // why there will be no more records

	pin *pin // shared with the sweep; empty between calls
}

// Watermark returns the number of the last record that others than recovery and the SQL
// writer may see: at level Power the last one that is on the disk, else the last one.
// What is beyond can be lost, and its number given to another record. In a replicated log
// the group must have committed it, too, and it is the limit for all readers.
func (j *Journal) Watermark() uint64 {
	switch {
	case j.replicated:
		return j.waits.mark.Load()
	case j.level == Power:
		return j.commit.durable.Load()
	}
	return j.appended.Load()
}

// watermark beats when the watermark has moved.
func (j *Journal) watermark() *pulse.Pulse {
	switch {
	case j.replicated:
		return &j.waits.moved
	case j.level == Power:
		return &j.safety
	}
	return &j.growth
}

// Subscribe returns a subscriber before the given record, which is in the log or the next
// to come. Otherwise the error is a *GoneError or ErrAhead.
func (j *Journal) Subscribe(seq uint64) (*Subscriber, error) {
	s := &Subscriber{j: j, pin: new(pin)}
	if err := s.begin(seq); err != nil {
		return nil, err
	}
	defer s.pin.Store(nil)
	for s.seq < seq && s.look(seq-1) {
		s.step()
		s.leaveLandmark()
	}
	if err := s.err; err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// begin goes to a landmark before the record, in its segment.
func (s *Subscriber) begin(seq uint64) error {
	s.j.mu.Lock()
	defer s.j.mu.Unlock()
	seg, err := s.j.findLocked(seq)
	if err != nil {
		return err
	}
	s.cursor = seg.beginning()
	s.goToLocked(seq)
	s.marked = s.seq
	s.j.looking[s.pin] = struct{}{}
	return nil
}

// Next returns the next record, or false if there is none yet or never will be: Wait
// tells which. It does not block. The payload is valid until the following call.
func (s *Subscriber) Next() (seq uint64, payload []byte, ok bool) {
	defer s.pin.Store(nil)
	if !s.look(s.j.Watermark()) {
		return 0, nil, false
	}
	if cap(s.payload) > oversized {
		s.payload = nil
	}
	seq = s.seq
	s.payload = append(s.payload[:0], s.step()...)
	s.leaveLandmark()
	return seq, s.payload, true
}

// look pins the memory of the next record, and reports whether that is there and not
// beyond the limit, which the log has reached.
func (s *Subscriber) look(limit uint64) bool {
	if s.err != nil {
		return false
	}
	s.advance()
	s.pin.Store(s.seg)
	if s.seg.gone.Load() {
		s.lose()
		return false
	}
	if reason := s.j.check(s.seg); reason != "" {
		s.j.discredit(s.seg, reason)
		s.lose()
		return false
	}
	return s.seq <= limit
}

// advance is hop, but for segments that are not checked yet, whose end is not known.
func (s *Subscriber) advance() {
	for s.seg.checked.Load() {
		next := s.following()
		if next == nil {
			return
		}
		s.cursor = next.beginning()
	}
}

func (s *Subscriber) lose() {
	select {
	case <-s.j.closing:
		s.err = ErrClosed
	default:
		s.err = &GoneError{Wanted: s.seq, Oldest: s.j.Oldest()}
	}
}

func (s *Subscriber) ready() bool {
	defer s.pin.Store(nil)
	return s.look(s.j.Watermark())
}

// Wait sleeps until Next has a record. A *GoneError says that it never will. After
// Journal.Close it returns ErrClosed, at the latest once everything has been read: who
// needs the rest reads it before, or from the next Journal.
func (s *Subscriber) Wait(ctx context.Context) error {
	for {
		moved := s.j.watermark().Next()
		switch {
		case s.ready():
			return nil
		case s.err != nil:
			return s.err
		}
		select {
		case <-moved:
		case <-s.j.closing:
			if s.ready() {
				return nil
			}
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Behind returns how many records the subscriber has still to read.
func (s *Subscriber) Behind() uint64 {
	if mark := s.j.Watermark(); mark >= s.seq {
		return mark + 1 - s.seq
	}
	return 0
}

// Close ends the subscription.
func (s *Subscriber) Close() {
	s.err = ErrClosed
	s.j.unpin(s.pin)
}

// findLocked returns the segment in which the record is, or will be.
func (j *Journal) findLocked(seq uint64) (*segment, error) {
	if j.closed {
		return nil, ErrClosed
	}
	if seq < j.oldest.first {
		return nil, &GoneError{Wanted: seq, Oldest: j.oldest.first}
	}
	last := j.appended.Load()
	if j.replicated {
		last = j.Watermark()
	}
	if seq > last+1 {
		return nil, fmt.Errorf("%w: record %d is asked for, the last one is %d", ErrAhead, seq, last)
	}
	s := j.oldest
	for next := s.next.Load(); next != nil && next.first <= seq; next = s.next.Load() {
		s = next
	}
	return s, nil
}
