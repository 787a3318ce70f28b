package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// Entry is a stretch of the log that ends with a mark: what one group commit replicates.
type Entry struct {
	Index uint64
	Term  uint64 // in which its leader sealed it
	First uint64 // number of its first record; Last if it is empty
	Last  uint64 // number of its mark
	Bytes int    // that its records take in a segment, and AppendEntry returns
}

// Base is the entry that a log begins after: the last one of a snapshot, or of the log
// before it. The zero value is that of a log that begins with its first entry.
type Base struct {
	Index, Term, Last uint64
	Hash              Hash
}

var (
	// ErrCompacted says that an entry is no longer in the log: who needs it gets a
	// snapshot.
	ErrCompacted = errors.New("journal: the entry is no longer in the log")
	// ErrUnavailable says that an entry is not in the log yet.
	ErrUnavailable = errors.New("journal: the entry is not in the log yet")
	// ErrNoEntry says that bytes are not the next entry of this log. The log is as it was.
	ErrNoEntry = errors.New("journal: these bytes are not the next entry of this log")
	// ErrNotLeading says that records are added by another node, or that leadership has
	// ended since.
	ErrNotLeading = errors.New("journal: this node does not lead")
)

// mark is where a mark is in its segment.
type mark struct {
	offset uint32
	nth    uint32 // its number less that of the segment's first record
}

// Seal ends an entry: all records that were appended since the last mark, no matter who
// appends at the same time, and the mark. The index must be the next one, and the term not
// below that of the last entry. Without any record since the last mark the entry is empty,
// if that is asked for, or has a note; else there is none (false). One goroutine at a time. A
// node that leads seals its first entry before Lead. It may wait for room, but not as long as
// Append, and fail with the same errors.
func (j *Journal) Seal(index, term uint64, note []byte, empty bool) (e Entry, ok bool, err error) {
	m := Mark{Group: j.group, Index: index, Term: term, Note: note}
	size := recordSize(markSize + len(note))
	if size > j.roomiest() {
		return e, false, fmt.Errorf("%w: a note of %d bytes into segments of %d", ErrTooLarge, len(note), j.segmentBytes)
	}
	sum := sha256.New()
	after := j.hashAhead(sum)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.appended.Load() == j.last.Last && !empty && len(note) == 0 {
		return e, false, nil
	}
	if index != j.last.Index+1 || term < j.last.Term || term < j.term {
		return e, false, fmt.Errorf("journal: entry %d of term %d cannot follow entry %d of term %d in term %d", index, term, j.last.Index, j.last.Term, j.term)
	}
	j.enterLocked(term)
	if err := j.awaitRoom(size, entryLimit, ErrNotLeading); err != nil {
		return e, false, err
	}
	j.putMarkLocked(m, sum, after)
	j.growth.Beat()
	if j.level == Power {
		notify(j.commit.wanted)
	}
	e, err = j.entryLocked(index)
	return e, err == nil, err
}

// putMarkLocked writes the mark, for which there is room. The sum has all that was appended
// since the last one up to the given place.
func (j *Journal) putMarkLocked(m Mark, sum hash.Hash, after place) {
	m.First, m.Before = j.last.Last+1, j.last.Hash
	payload := m.payload()
	size := recordSize(len(payload))
	j.putLocked(payload, size)
	j.sinceLocked(after, func(part []byte) { sum.Write(part) })
	j.noteMarkLocked(m, size, Hash(sum.Sum(nil)))
}

// hashAhead adds what was appended since the last mark to a hash, so that little is left to
// be hashed while the lock is held. It returns where it stopped.
func (j *Journal) hashAhead(sum hash.Hash) place {
	var parts [][]byte
	j.mu.Lock()
	after := j.sinceLocked(j.sealed, func(part []byte) { parts = append(parts, part) })
	j.mu.Unlock()
	for _, part := range parts {
		sum.Write(part)
	}
	return after
}

// place is one between two records.
type place struct {
	seg    *segment
	offset int
}

// sinceLocked shows the memory of what comes after a place, and returns where it ends. The
// log stays there: endPin holds it.
func (j *Journal) sinceLocked(p place, see func(part []byte)) (end place) {
	for {
		if p.offset < p.seg.end {
			see(p.seg.data[p.offset:p.seg.end:p.seg.end])
		}
		next := p.seg.next.Load()
		if next == nil {
			return place{p.seg, p.seg.end}
		}
		p = place{next, next.start}
	}
}

// noteMarkLocked makes the entry whose mark was put last the last one.
func (j *Journal) noteMarkLocked(m Mark, size int, hash Hash) {
	s, seq := j.active, j.appended.Load()
	s.marks = append(s.marks, mark{offset: uint32(s.end - size), nth: uint32(seq - s.first)})
	j.last = Base{Index: m.Index, Term: m.Term, Last: j.appended.Load(), Hash: hash}
	j.begun = append(j.begun, beginning{j.last.Last, j.sealed.seg})
	j.sealed = place{j.active, j.active.end}
	j.holdLocked()
}

// beginning is a segment in which, or before which, no entry began before the one that ends
// with the record last.
type beginning struct {
	last uint64
	seg  *segment
}

// holdLocked has the log stay from where the first entry began that may become the last one,
// by a cut or a loss of power: its hash must be found at the next start.
func (j *Journal) holdLocked() {
	safe := min(j.commit.durable.Load(), j.Committed())
	n := 0
	for n+1 < len(j.begun) && j.begun[n+1].last <= safe {
		n++
	}
	j.begun = slices.Delete(j.begun, 0, n)
	j.endPin.Store(j.begun[0].seg)
}

// FirstIndex returns the index of the oldest entry that the log still has whole, or would
// have next.
func (j *Journal) FirstIndex() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.firstIndexLocked()
}

func (j *Journal) firstIndexLocked() uint64 {
	for s := j.oldest; s != nil; s = s.next.Load() {
		if s.chained {
			return s.firstIndex()
		}
	}
	return j.last.Index + 1
}

// firstIndex is the index of the first entry that begins in the segment, or after it.
func (s *segment) firstIndex() uint64 {
	if s.before.Last+1 < s.first {
		return s.before.Index + 2
	}
	return s.before.Index + 1
}

// LastIndex returns the index of the last entry that is sealed, or of the Base.
func (j *Journal) LastIndex() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last.Index
}

// Term returns the term of an entry, from the one before FirstIndex on. The error is
// ErrCompacted or ErrUnavailable.
func (j *Journal) Term(index uint64) (uint64, error) {
	j.reachBack(index)
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.termLocked(index)
}

func (j *Journal) termLocked(index uint64) (uint64, error) {
	if index == j.last.Index {
		return j.last.Term, nil
	}
	if s := j.beginningAfterLocked(index); s != nil {
		return s.before.Term, nil
	}
	e, err := j.markLocked(index)
	return e.Term, err
}

// Entry returns what an index stands for. The error is ErrCompacted or ErrUnavailable.
func (j *Journal) Entry(index uint64) (Entry, error) {
	j.reachBack(index)
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entryLocked(index)
}

// beginningAfterLocked returns a segment whose header names an entry, nil if there is none.
func (j *Journal) beginningAfterLocked(index uint64) *segment {
	for s := j.oldest; s != nil; s = s.next.Load() {
		if s.chained && s.before.Index == index {
			return s
		}
	}
	return nil
}

// End returns the number of the last record of an entry, from the one before FirstIndex on.
// The error is ErrCompacted or ErrUnavailable.
func (j *Journal) End(index uint64) (uint64, error) {
	j.reachBack(index)
	j.mu.Lock()
	defer j.mu.Unlock()
	if index == j.last.Index {
		return j.last.Last, nil
	}
	if s := j.beginningAfterLocked(index); s != nil {
		return s.before.Last, nil
	}
	e, err := j.markLocked(index)
	return e.Last, err
}

// Note returns a copy of what the mark of an entry carries, nil if that is nothing.
func (j *Journal) Note(index uint64) ([]byte, error) {
	j.reachBack(index)
	j.mu.Lock()
	defer j.mu.Unlock()
	s, n, err := j.findMarkLocked(index)
	if err != nil {
		return nil, err
	}
	m, _ := ParseMark(body(s.data[s.marks[n].offset:]))
	return append([]byte(nil), m.Note...), nil
}

// Entries returns the entries from lo up to but not including hi, as many as take at most
// so many bytes together, but at least one.
func (j *Journal) Entries(lo, hi uint64, bytes int) (list []Entry, err error) {
	j.reachBack(lo)
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := lo; i < hi; i++ {
		e, err := j.entryLocked(i)
		if err != nil {
			return nil, err
		}
		if bytes -= e.Bytes; bytes < 0 && len(list) > 0 {
			break
		}
		list = append(list, e)
	}
	return list, nil
}

func (j *Journal) entryLocked(index uint64) (e Entry, err error) {
	if first := j.firstIndexLocked(); index < first {
		return e, fmt.Errorf("%w: entry %d is asked for, the oldest is %d", ErrCompacted, index, first)
	}
	if e, err = j.markLocked(index); err != nil {
		return e, err
	}
	e.Bytes, err = j.eachPartLocked(index, func([]byte) {})
	return e, err
}

// markLocked reads the mark of an entry.
func (j *Journal) markLocked(index uint64) (e Entry, err error) {
	s, n, err := j.findMarkLocked(index)
	if err != nil {
		return e, err
	}
	at := s.marks[n]
	m, ok := ParseMark(body(s.data[at.offset:]))
	if !ok || m.Index != index {
		panic(fmt.Sprintf("BUG: journal: there is no mark of entry %d where one was noted", index))
	}
	return Entry{Index: index, Term: m.Term, First: m.First, Last: s.first + uint64(at.nth)}, nil
}

// findMarkLocked returns the segment of an entry's mark, and which of its marks that is.
func (j *Journal) findMarkLocked(index uint64) (s *segment, n int, err error) {
	if index > j.last.Index {
		return nil, 0, fmt.Errorf("%w: entry %d is asked for, the last is %d", ErrUnavailable, index, j.last.Index)
	}
	for s := j.oldest; s != nil; s = s.next.Load() {
		if s.chained && index > s.before.Index && index-s.before.Index <= uint64(len(s.marks)) {
			return s, int(index - s.before.Index - 1), nil
		}
	}
	return nil, 0, fmt.Errorf("%w: entry %d is asked for", ErrCompacted, index)
}

// Head returns the last entry, or the Base, with its hash.
func (j *Journal) Head() Base {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// AppendBytes appends the records of an entry to a buffer, as they are in a segment and as
// AppendEntry takes them. The error is ErrCompacted or ErrUnavailable.
func (j *Journal) AppendBytes(to []byte, index uint64) ([]byte, error) {
	j.reachBack(index)
	err := j.read(index, func(part []byte) { to = append(to, part...) })
	return to, err
}

// read shows the records of an entry, which stay where they are meanwhile: neither a sweep
// nor a cut comes in between.
func (j *Journal) read(index uint64, see func(part []byte)) error {
	j.cutting.Lock()
	defer j.cutting.Unlock()
	parts, pin, err := j.pinEntry(index)
	if err != nil {
		return err
	}
	defer j.unpin(pin)
	for _, p := range parts {
		see(p)
	}
	return nil
}

func (j *Journal) pinEntry(index uint64) (parts [][]byte, p *pin, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if first := j.firstIndexLocked(); index < first {
		return nil, nil, fmt.Errorf("%w: entry %d is asked for, the oldest is %d", ErrCompacted, index, first)
	}
	if j.closed {
		return nil, nil, ErrClosed
	}
	if _, err = j.eachPartLocked(index, func(part []byte) { parts = append(parts, part) }); err != nil {
		return nil, nil, err
	}
	return parts, j.pinLocked(j.oldest), nil
}

// eachPartLocked shows the memory of an entry, a piece for each segment that it is in, and
// returns how long it is. The last entry may end in a segment that has no mark yet.
func (j *Journal) eachPartLocked(index uint64, see func([]byte)) (bytes int, err error) {
	mark, n, err := j.findMarkLocked(index)
	if err != nil {
		return 0, err
	}
	first := mark
	if n == 0 && mark.before.Last+1 < mark.first {
		first = j.beginsInLocked(mark)
	}
	for s := first; ; s = s.next.Load() {
		from, to := s.start, s.end
		if s == mark {
			to = s.afterMark(n)
		}
		switch {
		case s == mark && n > 0:
			from = s.afterMark(n - 1)
		case s != mark && len(s.marks) > 0:
			from = s.afterMark(len(s.marks) - 1)
		}
		if from < to {
			see(s.data[from:to:to])
			bytes += to - from
		}
		if s == mark {
			return bytes, nil
		}
	}
}

// beginsInLocked returns the segment in which the entry began that the given segment goes
// on with: it has the number that its header names as the next one after a mark.
func (j *Journal) beginsInLocked(mark *segment) (first *segment) {
	first = mark
	for s := j.oldest; s != mark; s = s.next.Load() {
		if s.first <= mark.before.Last+1 {
			first = s
		}
	}
	return first
}

// reachBack has the released segments looked at that an entry may be in, which a start
// does not do. Those that are damaged are given up.
func (j *Journal) reachBack(index uint64) {
	for _, s := range j.unseen(index) {
		if reason := j.check(s); reason != "" {
			j.discredit(s, reason)
		}
	}
}

// unseen returns the segments from that in which an entry begins on that nobody has looked at.
func (j *Journal) unseen(index uint64) (list []*segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for s := j.oldest; s != nil && !s.checked.Load(); s = s.next.Load() {
		if next := s.next.Load(); s.chained && (next == nil || next.before.Index+1 >= index) {
			list = append(list, s)
		}
	}
	return list
}
