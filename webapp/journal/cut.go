package journal

import (
	"errors"
	"fmt"
	"slices"
)

// The end of a replicated log is cut where another leader has other entries, and where a
// leadership ends, since nobody else has what was not sealed.
//
// Goal: once a cut is reported, nothing that was cut comes back, whatever fails after it;
// and a kill or a loss of power in the middle leaves the log up to some point behind the
// place of the cut.
//
//  1. Nothing that is committed is cut. So nobody looks at what goes: readers stop at the
//     watermark, entries are read with Journal.cutting held.
//  2. On the disk, first the durable mark goes down, then the files behind go, the last
//     first, then the file is made shorter, each synced before the next. So at each moment
//     the rest is a log, and its end is no corruption.
//  3. The log goes on in a new segment, as after a start. What was cut has no place in it.
//  4. A file that comes back all the same, from a disk that lied, loses against the segment
//     that a later term has begun (recovery.go).
//
// Rejected: to leave what is cut and say in the next header that it is void. A node that
// is killed before it has that header, and asked for its last entry, would offer it.

// Truncate cuts the log after a record, which is the last of an entry, or of the Base, and
// not before what was committed. It is for who follows. When it returns, the cut is on the
// disk. An error other than that the record is none of these stops the log: what it holds
// then is known after the next Open.
func (j *Journal) Truncate(after uint64) error {
	if !j.replicated || j.leads.Load() != 0 || after < j.Committed() {
		panic(fmt.Sprintf("BUG: journal: cut after record %d, with %d committed and term %d led", after, j.Committed(), j.leads.Load()))
	}
	last, err := j.endingWith(after)
	if err != nil {
		return err
	}
	return j.cutAfter(last)
}

// endingWith returns the entry that ends with a record. Its hash is in the mark after it.
func (j *Journal) endingWith(seq uint64) (e Base, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last.Last == seq {
		return j.last, nil
	}
	for e = j.last; e.Last > seq; {
		s, n, err := j.findMarkLocked(e.Index)
		if err != nil {
			return e, err
		}
		m, _ := ParseMark(body(s.data[s.marks[n].offset:]))
		e = Base{Index: m.Index - 1, Last: m.First - 1, Hash: m.Before}
	}
	if e.Last != seq {
		return e, fmt.Errorf("journal: cut after record %d, with which no entry ends", seq)
	}
	e.Term, err = j.termLocked(e.Index)
	return e, err
}

// cutAfter makes an entry the last, and cuts all records behind it.
func (j *Journal) cutAfter(last Base) error {
	j.cutting.Lock()
	defer j.cutting.Unlock()
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.releasing.Lock()
	defer j.releasing.Unlock()
	if j.releasePin == nil {
		return ErrClosed
	}
	if err := j.commit.failure(); err != nil {
		return err
	}
	s, gone := j.unlink(last)
	if s == nil {
		return nil
	}
	err := s.shorten(gone)
	if err != nil {
		err = fmt.Errorf("journal: cut failed, nothing more is accepted: %w", err)
		j.refuse(err)
		j.commit.end(err)
		j.log.Error("journal: stopped", "err", err)
	}
	return err
}

// unlink takes the end of the log out of memory, and returns the segment that is the last
// now and those behind it, or none if there is nothing to cut.
func (j *Journal) unlink(last Base) (s *segment, gone []*segment) {
	j.commit.mu.Lock()
	defer j.commit.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.appended.Load() == last.Last {
		return nil, nil
	}
	s, end := j.endLocked(last.Last)
	bytes := int64(s.end - end)
	for next := s.next.Load(); next != nil; next = next.next.Load() {
		gone = append(gone, next)
		bytes += int64(next.end - next.start)
	}
	s.end, s.limit = end, end
	s.forget(last)
	s.next.Store(nil)
	s.stop.Store(int64(end))
	j.active, j.asked = s, false
	j.appended.Store(last.Last)
	j.written.Add(-bytes)
	j.found.Store(min(j.found.Load(), last.Last))
	j.foundBytes.Store(min(j.foundBytes.Load(), j.written.Load()))
	j.commit.durable.Store(min(j.commit.durable.Load(), last.Last))
	j.commit.target = min(j.commit.target, last.Last)
	if u := j.under; u != nil && (slices.Contains(gone, u.seg) || u.seg == s && u.offset > end) {
		u.place = place{s, end}
	}
	j.moveFromLocked(gone)
	j.endWithLocked(last)
	notify(j.lowSpare)
	return s, gone
}

// endLocked returns the place behind a record: in the segment of the one after it.
func (j *Journal) endLocked(last uint64) (s *segment, end int) {
	for s = j.oldest; ; s = s.next.Load() {
		if next := s.next.Load(); next == nil || next.first > last+1 {
			break
		}
	}
	c := s.beginning()
	for c.seq <= last {
		c.step()
	}
	return s, c.offset
}

// forget removes the marks of the entries after the given one.
func (s *segment) forget(last Base) {
	for n := len(s.marks); n > 0 && s.first+uint64(s.marks[n-1].nth) > last.Last; n-- {
		s.marks = s.marks[:n-1]
	}
}

// moveFromLocked moves the pin of the sync to the segment that is the last one now. No
// reader is behind that: the record after the watermark is in it or before.
func (j *Journal) moveFromLocked(gone []*segment) {
	if slices.Contains(gone, j.syncPin.Load()) {
		j.syncPin.Store(j.active)
	}
}

// endWithLocked makes an entry the last one, with which the log ends.
func (j *Journal) endWithLocked(last Base) {
	j.last = last
	j.sealed = place{j.active, j.active.end}
	for n := len(j.begun); n > 1 && j.begun[n-1].last > last.Last; n-- {
		j.begun = j.begun[:n-1]
	}
	j.holdLocked()
}

// shorten cuts the file of the last segment where its records end, after those behind it
// have gone, the last first.
func (s *segment) shorten(gone []*segment) error {
	if err := s.lowerMark(); err != nil {
		return err
	}
	for len(gone) > 0 {
		n := len(gone) - 1
		if err := gone[n].remove(); err != nil {
			return err
		}
		gone = gone[:n]
	}
	if err := s.dir.sync(); err != nil {
		return err
	}
	if s.end == len(s.data) {
		return nil
	}
	return errors.Join(s.file.Truncate(int64(s.end)), s.file.Sync())
}

// lowerMark has the disk know no more of the segment than its records.
func (s *segment) lowerMark() error {
	if mark, ok := parseMark(s.data); ok && mark <= s.end {
		return nil
	}
	putMark(s.data, s.end)
	return s.file.SyncData()
}

// Reset gives up the whole log, which goes on behind an entry that a snapshot has: this node
// is too far behind what the others still have. All of that is committed. Readers end with a
// *GoneError. The hash may be zero, if it is not known: the next entry tells it. It is for who
// follows. After ErrFull the log is as it was. Any other error stops it: then it is the old one or
// the new one after the next Open.
func (j *Journal) Reset(at Base) error {
	if !j.replicated || j.leads.Load() != 0 || at.Last < j.Committed() {
		panic(fmt.Sprintf("BUG: journal: reset behind record %d, with %d committed and term %d led", at.Last, j.Committed(), j.leads.Load()))
	}
	j.cutting.Lock()
	defer j.cutting.Unlock()
	j.syncing.Lock()
	defer j.syncing.Unlock()
	s, err := j.takeSpare()
	if errors.Is(err, ErrFull) {
		return err
	}
	if err == nil {
		err = j.commit.failure()
	}
	if err == nil {
		err = j.startOver(s, at)
	}
	if err != nil {
		err = fmt.Errorf("journal: reset failed, nothing more is accepted: %w", err)
		j.refuse(err)
		j.commit.end(err)
		j.log.Error("journal: stopped", "err", err)
		return err
	}
	j.Commit(at.Last)
	return nil
}

// startOver has the header of the new log on the disk before the old one goes: from there on
// recovery knows that it is void.
func (j *Journal) startOver(s *segment, at Base) error {
	j.mu.Lock()
	j.term = max(j.term, at.Term, 1)
	s.begin(header{first: at.Last + 1, follows: at.Last, history: j.history, term: j.term, group: j.group, chained: true, before: at, reset: true})
	j.mu.Unlock()
	if err := s.file.Sync(); err != nil {
		return err
	}
	for _, old := range j.replaceWith(s, at) {
		if err := old.deleteFile(); err != nil {
			return err
		}
	}
	if err := j.dir.sync(); err != nil {
		return err
	}
	j.releasing.Lock()
	defer j.releasing.Unlock()
	j.sweep(j.keepBytes)
	return nil
}

// takeSpare returns a segment that was not used.
func (j *Journal) takeSpare() (*segment, error) {
	j.making.Lock()
	defer j.making.Unlock()
	if err := j.ensureSpare(); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.spare
	j.spare = nil
	notify(j.lowSpare)
	return s, nil
}

// replaceWith makes a segment the whole log, and returns those that were.
func (j *Journal) replaceWith(s *segment, at Base) (old []*segment) {
	j.releasing.Lock()
	defer j.releasing.Unlock()
	j.commit.mu.Lock()
	defer j.commit.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	for o := j.oldest; o != nil; o = o.next.Load() {
		o.gone.Store(true)
		old = append(old, o)
	}
	j.leaving = append(j.leaving, old...)
	j.oldest, j.active, j.asked = s, s, false
	j.release = s.beginning()
	for _, p := range []*pin{j.releasePin, j.syncPin, j.endPin} {
		p.Store(s)
	}
	j.last, j.sealed, j.begun = at, place{s, s.start}, []beginning{{0, s}}
	j.appended.Store(at.Last)
	j.found.Store(at.Last)
	j.foundBytes.Store(j.written.Load())
	j.released.Store(j.written.Load())
	j.kept.Store(0)
	j.commit.durable.Store(at.Last)
	j.commit.target = at.Last
	j.under = nil
	return old
}

// deleteFile deletes the file, and leaves the memory to those who look at it.
func (s *segment) deleteFile() error {
	path := s.path
	s.path = ""
	s.closeFile()
	return s.dir.sys.Remove(path)
}
