package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
)

// Segments whose records are released are kept for subscribers, for snapshots and for a
// database that was restored, up to Options.Keep bytes. They are a courtesy:
//
//  1. Nothing that recovery needs is in them. It reads their names and headers only, so
//     that a start does not get longer with what is kept.
//  2. They go, the oldest first, when there are too many, when the disk is full, when one
//     is damaged (with all before it), and with their generation.
//  3. A Reader holds them. A Subscriber does not: it pins its segment only while it copies
//     a record, and learns that the segment is gone when it comes back.
//
// The pin of a subscriber works as a hazard pointer: it stores the segment, then looks
// whether that is gone; the sweep marks a segment as gone, then looks at the pins. One of
// the two sees the other, since Go's atomics are sequentially consistent. Rejected: a lock
// that the sweep would have to wait for while a page is read from the disk.

// smallestShare is the share of a full segment that the smallest one counts as, so that
// restarts in quick succession do not pile up files.
const smallestShare = 64

// roomOf is what a released segment counts as.
func (j *Journal) roomOf(s *segment) int64 { return int64(max(s.end, j.segmentBytes/smallestShare)) }

// openKept maps the released segments and checks whose they are. Those that are damaged
// have no start.
func (r *recovery) openKept() error {
	for _, f := range r.released {
		s, h, err := r.dir.openReleased(f)
		switch {
		case errors.Is(err, ErrVersion):
			return fmt.Errorf("%s: %w", f.path, err)
		case err == nil && !r.belongs(h):
			s.unmap()
			return r.foreign(f.path, h)
		case err != nil:
			s = &segment{path: f.path, dir: r.dir}
		}
		s.order = f.ordinal
		r.kept = append(r.kept, s)
	}
	return nil
}

// openReleased maps a released segment. The header is read, not looked at in memory: a
// page that the disk does not give back is an error then.
func (d *folder) openReleased(f file) (s *segment, h header, err error) {
	b, err := d.readHeader(f.path)
	if err != nil {
		return nil, h, err
	}
	if h, err = parseHeader(b); err != nil {
		return nil, h, err
	}
	if s, err = d.openSegment(f.path, readOnly); err != nil {
		return nil, h, err
	}
	s.closeFile()
	if f.last < h.first || len(s.data) < h.size() {
		s.unmap()
		return nil, h, errors.New("it has no records")
	}
	s.take(h)
	s.last, s.kept = f.last, true
	s.end = len(s.data) // until it is checked
	return s, h, nil
}

func (d *folder) readHeader(path string) ([]byte, error) {
	f, err := d.sys.Open(path, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, headerSize3)
	n, err := f.ReadAt(b, 0)
	if n < headerSize1 {
		return nil, err
	}
	return b[:n], nil
}

// giveUp deletes the oldest kept segment that ends before the record with the given
// number; false if there is none.
func (r *recovery) giveUp(before uint64) bool {
	if len(r.kept) == 0 || r.kept[0].last >= before {
		return false
	}
	r.log.Warn("journal: the disk is full, released records are given up", "up_to", r.kept[0].last)
	if err := r.kept[0].remove(); err != nil {
		r.log.Warn("journal: segment not removed", "err", err)
	}
	r.kept = r.kept[1:]
	return true
}

// adoptKept puts the kept segments in front of the log, as far back as each joins the
// next.
func (j *Journal) adoptKept(kept []*segment) {
	for i, s := range slices.Backward(kept) {
		if s.start == 0 || s.last != j.oldest.follows {
			j.log.Warn("journal: released records that do not join the log are given up", "segment", s.path, "log_begins_after", j.oldest.follows)
			for _, s := range kept[:i+1] {
				j.discard(s)
			}
			return
		}
		s.follow(j.oldest)
		j.oldest = s
		j.kept.Add(j.roomOf(s))
	}
}

// keep gives a segment the name of released ones. If that fails the next Open recovers
// from it, and no more.
func (j *Journal) keep(s *segment) {
	if s.path == "" {
		return
	}
	ordinal, ok := parseOrdinal(filepath.Base(s.path))
	if !ok {
		panic("BUG: journal: segment named " + s.path)
	}
	s.letPagesGo()
	path := j.dir.keptPath(ordinal, s.last)
	if err := j.sys.Rename(s.path, path); err != nil {
		j.log.Warn("journal: segment not renamed", "err", err)
		return
	}
	s.path = path
	s.closeFile()
}

// letPagesGo has the pages of the segment no longer count as the process's memory; they
// stay in the page cache.
func (s *segment) letPagesGo() {
	if s.mapping != nil {
		s.mapping.LetPagesGo()
	}
}

// giveUp deletes the oldest kept segment, unless a reader needs it; false if there is none
// that may go.
func (j *Journal) giveUp() bool {
	j.releasing.Lock()
	defer j.releasing.Unlock()
	before := j.kept.Load()
	if before == 0 {
		return false
	}
	j.sweep(before - 1)
	return j.kept.Load() < before
}

// discredit deletes a damaged segment and all before it.
func (j *Journal) discredit(s *segment, reason string) {
	j.log.Warn("journal: a released segment is damaged; it is given up with all before it", "segment", s.first, "reason", reason)
	for !s.gone.Load() && j.giveUp() {
	}
}

// check reads a segment that an earlier process has released, unless that was done
// before. It returns what is wrong with it.
func (j *Journal) check(s *segment) (reason string) {
	if s.checked.Load() {
		return ""
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		panicked := recover()
		if _, fault := panicked.(interface{ Addr() uintptr }); fault {
			reason = "it cannot be read"
		} else if panicked != nil {
			panic(panicked)
		}
	}()
	defer s.letPagesGo()
	end, next, reason := scan(s.data, s.start, s.first)
	j.checked.Add(next - s.first)
	switch {
	case reason != "":
		return reason
	case next != s.last+1:
		return fmt.Sprintf("it ends with record %d, not with %d", next-1, s.last)
	}
	marks, reason := s.findMarks(end)
	if reason != "" {
		return reason
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !s.checked.Load() {
		s.end = end
		s.stop.Store(int64(end))
		s.marks = marks
		s.checked.Store(true)
	}
	return ""
}
