package journal

import (
	"context"
	"sync/atomic"
)

// pin holds a segment and all later ones in memory. It only moves forward, following its
// owner, so that a sweep that reads it late keeps too much rather than too little.
type pin = atomic.Pointer[segment]

// Reader reads the log in order and without copies, for recovery and the SQL writer. It
// sees what is appended at once, beyond the watermark (in a replicated log up to it), and holds the log: the segment it
// is in and all later ones stay, however many there are, and stay mapped even after
// Journal.Close. All others are Subscribers. It belongs to one goroutine and must be
// closed.
type Reader struct {
	j *Journal

	// owned by the reading goroutine
	cursor

	pin *pin // shared with the sweep
}

// ReadFrom returns a reader before the given record, which is in the log or the next to
// come. Otherwise the error is a *GoneError or ErrAhead.
func (j *Journal) ReadFrom(seq uint64) (*Reader, error) {
	r, err := j.newReader(seq)
	if err != nil {
		return nil, err
	}
	for s := r.seg; s != nil; s = s.next.Load() {
		if reason := j.check(s); reason != "" {
			r.Close()
			j.discredit(s, reason)
			return nil, &GoneError{Wanted: seq, Oldest: s.last + 1}
		}
	}
	for r.seq < seq && r.ready() {
		r.step()
	}
	return r, nil
}

// newReader returns a reader at the start of the segment of a record.
func (j *Journal) newReader(seq uint64) (*Reader, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s, err := j.findLocked(seq)
	if err != nil {
		return nil, err
	}
	return &Reader{j: j, cursor: s.beginning(), pin: j.pinLocked(s)}, nil
}

// Next returns the next record, or false if there is none yet. It does not block. The
// payload aliases the log: it is valid until the following call to the reader, and beyond
// that until Release passes it or the journal closes. It must not be changed.
func (r *Reader) Next() (seq uint64, payload []byte, ok bool) {
	if !r.ready() {
		return 0, nil, false
	}
	seq = r.seq
	return seq, r.step(), true
}

func (r *Reader) ready() bool {
	was := r.seg
	ok := r.cursor.ready(r.limit())
	if r.seg != was {
		r.pin.Store(r.seg)
	}
	return ok && !r.seg.gone.Load() // the log was reset
}

// limit returns the number of the last record that the reader may see.
func (r *Reader) limit() uint64 {
	if r.j.replicated {
		return r.j.Watermark()
	}
	return r.j.appended.Load()
}

// Wait sleeps until Next has a record. A *GoneError says that it never will, since the log was
// reset. After Journal.Close it returns ErrClosed once
// everything has been read.
func (r *Reader) Wait(ctx context.Context) error {
	for {
		grown := r.grown()
		if r.ready() {
			return nil
		}
		if r.seg.gone.Load() { // the log was reset
			return &GoneError{Wanted: r.seq, Oldest: r.j.Oldest()}
		}
		select {
		case <-grown:
		case <-r.j.closing:
			if r.ready() {
				return nil
			}
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// grown returns a channel that is closed when the reader may see more.
func (r *Reader) grown() <-chan struct{} {
	if r.j.replicated {
		return r.j.waits.moved.Next()
	}
	return r.j.growth.Next()
}

// Close lets go of the log. The reader must not be used again.
func (r *Reader) Close() {
	r.seg = nil
	r.j.unpin(r.pin)
}
