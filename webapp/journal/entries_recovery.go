package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

var (
	// ErrGroup says that a folder holds the log of another group, or of none.
	ErrGroup = errors.New("journal: the folder is not of this group")
	// ErrReplicated says that a folder holds the log of a group.
	ErrReplicated = errors.New("journal: the folder is that of a member of a group")
)

// voidBeforeReset gives up what is before the last segment that says so.
func (r *recovery) voidBeforeReset() {
	for i, s := range slices.Backward(r.segments) {
		if h, err := parseHeader(s.data); err == nil && h.reset && i > 0 {
			r.void = append(r.void, r.segments[:i]...)
			r.segments = slices.Clone(r.segments[i:])
			return
		}
	}
}

// supersede cuts off what segment i repeats, if that was written in an earlier term. It
// returns where the log stops then, and the new index of the segment. Otherwise it returns
// what it got.
func (r *recovery) supersede(stop cut, i int, h header) (cut, int) {
	keep := i
	for keep > 0 && r.segments[keep-1].first > h.follows {
		keep--
	}
	from := keep // the first segment of which something goes
	if from > 0 && r.segments[from-1].lastRecord() > h.follows {
		from--
	}
	switch {
	case !h.chained:
		return stop, i
	case r.holdsNothing(i):
		r.void = append(r.void, r.segments[:i]...)
		r.segments = slices.Clone(r.segments[i:])
		return cut{seq: 1}, 0
	case keep == 0:
		return stop, i
	}
	for _, s := range r.segments[from:i] {
		if s.term >= h.term || s.first == 0 {
			return stop, i
		}
	}
	if s := r.segments[keep-1]; from < keep {
		s.end = s.offsetAfter(h.follows)
		s.limit = s.end
		s.forget(Base{Last: h.follows})
		r.shorter = append(r.shorter, s)
	}
	r.void = append(r.void, r.segments[keep:i]...)
	r.segments = append(r.segments[:keep:keep], r.segments[i:]...)
	return cut{index: keep - 1, offset: r.segments[keep-1].end, last: h.follows, seq: h.follows + 1}, keep
}

// holdsNothing reports whether the first segments have no records, and were before all
// others: what came before them was cut (unsealed), and only then was released already.
func (r *recovery) holdsNothing(n int) bool {
	return !slices.ContainsFunc(r.segments[:n], func(s *segment) bool { return !s.chained || s.end > s.start })
}

// lastRecord is the number of the last record in the segment, or before it.
func (s *segment) lastRecord() uint64 {
	c := s.beginning()
	for c.offset < s.end {
		c.step()
	}
	if c.seq == s.first {
		return s.follows
	}
	return c.seq - 1
}

// offsetAfter returns the place behind a record of the segment, or the start.
func (s *segment) offsetAfter(seq uint64) int {
	c := s.beginning()
	for c.seq <= seq && c.offset < s.end {
		c.step()
	}
	return c.offset
}

// applyVoid does what supersede found: the files behind the cut go first, and then the one
// that is cut is made shorter. Until all of it is on the disk, supersede finds the same.
func (r *recovery) applyVoid() error {
	for len(r.void) > 0 {
		n := len(r.void) - 1
		if err := r.void[n].remove(); err != nil {
			return err
		}
		r.void = r.void[:n]
	}
	for _, s := range r.shorter {
		if err := s.shorten(nil); err != nil {
			return err
		}
	}
	return nil
}

// findEntries finds the marks and the last entry, and moves the cut of a group's log there.
func (r *recovery) findEntries(c cut) (cut, error) {
	sound := r.segments[:c.index+1]
	if c.offset == 0 {
		sound = r.segments[:c.index]
	}
	ends := -1 // the segment that has the last mark
	for i, s := range sound {
		r.term = max(r.term, s.term)
		if !s.chained { // from before there were entries
			r.entry.Last = s.lastRecord()
			continue
		}
		if r.replicated && s.group != r.group {
			return c, fmt.Errorf("%w: %s is of group %d, not of %d; give the member the folder that is its own, or an empty one", ErrGroup, s.path, s.group, r.group)
		}
		if ends >= 0 && s.before.Index != r.entry.Index || s.before.Last < r.entry.Last {
			return c, r.corrupt(s, indexAt, c, fmt.Sprintf("the header says that entry %d came before, and that was entry %d", s.before.Index, r.entry.Index))
		}
		if ends < 0 {
			r.entry = s.before
		}
		marks, reason := s.findMarks(s.end)
		if reason != "" {
			return c, r.corrupt(s, s.start, c, reason)
		}
		if s.marks = marks; len(marks) > 0 {
			last, _ := ParseMark(body(s.data[marks[len(marks)-1].offset:]))
			r.entry, ends = Base{Index: last.Index, Term: last.Term, Last: s.first + uint64(marks[len(marks)-1].nth)}, i
		}
	}
	if ends >= 0 {
		var whole bool
		if r.entry.Hash, whole = r.hashOfLast(ends); !whole {
			return c, r.corrupt(sound[ends], sound[ends].start, c, fmt.Sprintf("entry %d lacks its beginning", r.entry.Index))
		}
	}
	if r.replicated && r.term > 0 && r.entry.Last < c.last {
		c = r.unsealed(sound, c)
	}
	return c, nil
}

func (r *recovery) corrupt(s *segment, offset int, c cut, reason string) error {
	return &CorruptError{Segment: s.path, Offset: int64(offset), Reason: reason, Seq: c.seq}
}

// unsealed is the cut behind the last entry.
func (r *recovery) unsealed(sound []*segment, c cut) cut {
	i := len(sound) - 1
	for i > 0 && sound[i].first > r.entry.Last+1 {
		i--
	}
	r.log.Info("journal: records that no entry has are cut off", "records", c.last-r.entry.Last, "next", r.entry.Last+1)
	end := sound[i].offsetAfter(r.entry.Last)
	sound[i].end, sound[i].limit = end, end
	return cut{index: i, offset: end, last: r.entry.Last, seq: r.entry.Last + 1, known: true}
}

// findMarks returns the marks among the first bytes of a segment whose records are whole,
// and what is wrong with them.
func (s *segment) findMarks(end int) (marks []mark, reason string) {
	if !s.chained {
		return nil, ""
	}
	first := s.before.Last + 1
	for c := s.beginning(); c.offset < end; {
		offset, seq := c.offset, c.seq
		payload := c.step()
		if used(s.data[offset+wordSize+len(payload):c.offset]) > 0 {
			return nil, fmt.Sprintf("record %d is followed by something", seq) // no checksum has it, but the hash does
		}
		m, ok := ParseMark(payload)
		if !ok {
			continue
		}
		if want := s.before.Index + uint64(len(marks)) + 1; m.Index != want || m.First != first {
			return nil, fmt.Sprintf("record %d ends entry %d from record %d, and should end entry %d from record %d", seq, m.Index, m.First, want, first)
		}
		marks = append(marks, mark{uint32(offset), uint32(seq - s.first)})
		first = seq + 1
	}
	return marks, ""
}

// hashOfLast computes the hash of the entry whose mark is the last in a segment.
func (r *recovery) hashOfLast(i int) (h Hash, whole bool) {
	s := r.segments[i]
	n := len(s.marks) - 1
	parts := [][]byte{s.data[s.afterMark(n-1):s.afterMark(n)]}
	for n == 0 && s.before.Last+1 < s.first {
		if i--; i < 0 || !r.segments[i].chained {
			return h, false
		}
		s = r.segments[i]
		n = len(s.marks)
		parts = append(parts, s.data[s.afterMark(n-1):s.end])
	}
	sum := sha256.New()
	for k := len(parts) - 1; k >= 0; k-- {
		sum.Write(parts[k])
	}
	sum.Sum(h[:0])
	return h, true
}

// afterMark returns the place behind the n-th mark, or where the records begin.
func (s *segment) afterMark(n int) int {
	if n < 0 {
		return s.start
	}
	at := int(s.marks[n].offset)
	return at + recordSize(len(body(s.data[at:])))
}

// settleEntries decides what the log goes on with, once it is recovered.
func (r *recovery) settleEntries() error {
	switch {
	case r.term > 0 && !r.replicated:
		return fmt.Errorf("%w: it was written in term %d; start it as a member, or bring the tables to a folder of their own", ErrReplicated, r.term)
	case !r.replicated || r.term > 0:
		return nil
	case r.last > 0 && r.base.Index == 0:
		return fmt.Errorf("%w: it is that of a single server, with records up to %d; make it the first member of a group, or give the member an empty folder", ErrGroup, r.last)
	case r.last > 0 && r.base.Last != 0 && r.base.Last != r.last:
		return fmt.Errorf("%w: the group is to begin after record %d, and the log ends with record %d", ErrGroup, r.base.Last, r.last)
	default:
		if r.entry = r.base; r.last > 0 {
			r.entry.Last = r.last
		}
		r.last = r.entry.Last
		r.next, r.term = max(r.next, r.last+1), max(r.base.Term, 1)
	}
	return nil
}

// adoptEntries goes on with the entries that recovery has found.
func (j *Journal) adoptEntries(term uint64, last Base) {
	if !j.replicated {
		return
	}
	j.term, j.last = term, last
	j.sealed = place{j.active, j.active.start}
	var oldest, first *segment
	for s := j.oldest; s != nil; s = s.next.Load() {
		if oldest == nil && !s.kept {
			oldest = s // any entry may become the last one, until Commit says more
		}
		switch {
		case s.kept || !s.chained:
		case len(s.marks) > 0:
			if first = s; len(s.marks) == 1 && s.before.Last+1 < s.first {
				first = j.beginsInLocked(s)
			}
			j.sealed = place{s, s.afterMark(len(s.marks) - 1)}
		case s.before.Last+1 == s.first:
			if j.sealed = (place{s, s.start}); first == nil {
				first = s
			}
		}
	}
	if first == nil {
		first = j.sealed.seg
	}
	j.begun = []beginning{{0, oldest}, {last.Last, first}}
	j.endPin = j.pinLocked(oldest)
	j.refused = ErrNotLeading
	notify(j.lowSpare)
}
