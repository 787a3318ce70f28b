package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"syscall"
	"unsafe"
)

// recovery turns the segment files of a folder back into a log.
//
// Goal: what was safely on the disk is given back whole or refused loudly; what power
// loss may have torn is cut off.
//
//  1. The log is the longest run of whole records from the first segment on. Where it
//     stops is the cut.
//  2. A cut after the newest durable mark is a torn tail. It is made without asking:
//     nobody was promised more.
//  3. A cut before that mark is corruption. It is made only when the operator asked for
//     repair.
//  4. After recovery every segment is on the disk and its mark says so: damage to it is
//     corruption from then on.
//  5. Where a segment repeats records of those before it, it was begun in a later term,
//     after a cut (cut.go), and wins. In the same term that is corruption.
//  6. What a group's log has behind its last mark is cut: nobody else has it.
//  7. A kill in the middle of recovery leaves a folder that recovers to the same log; a
//     repair may have to be ordered again. So what is cut off goes from the last to the
//     first.
//
// A recovered segment is never written again; the log goes on in a new one. So a record
// that was cut off cannot come back after a new one.
type recovery struct {
	dir    *folder
	log    *slog.Logger
	repair bool
	access access

	// history is the one that all segments must belong to; nil: any, but all to the same.
	history *History

	replicated bool   // the log is to be a group's
	group      uint32 // of that one
	base       Base   // Options.Base

	segments []*segment // those that hold records, in order, once run returns nil
	void     []*segment // that others have made void, in order
	shorter  []*segment // of which a part is void
	kept     []*segment // released ones before them, in order, once run returns nil
	released []file     // the files of those
	last     uint64     // number of the last record, 0 if there never was one
	next     uint64     // number of the next record
	ordinal  uint64     // of the next file
	checked  uint64     // records that verify has read
	term     uint64     // the last one in which the log was written, 0 if it is no group's
	entry    Base       // the last one
}

// cut is the place where the log stops.
type cut struct {
	index  int    // of the segment
	offset int    // in it
	last   uint64 // number of the last record before
	seq    uint64 // number of the first record that is not there: last+1 unless the numbering jumped
	reason string // empty: the log simply ends
	lost   int    // bytes after the cut that are not zero
	known  bool   // what is cut off may be known to have been on the disk
}

// run recovers the log. The segments are the caller's to unmap, also after an error.
func (r *recovery) run() error {
	if err := r.open(); err != nil || len(r.segments) == 0 {
		return err
	}
	c, err := r.inspect()
	if err != nil {
		return err
	}
	if c, err = r.findEntries(c); err != nil {
		return err
	}
	r.last, r.next = c.last, c.seq
	if err := r.openKept(); err != nil {
		return err
	}
	if err := r.apply(c); err != nil {
		return err
	}
	return r.settle()
}

func (r *recovery) open() error {
	files, next, err := r.dir.files()
	if err != nil {
		return err
	}
	r.ordinal = next
	live := firstLive(files)
	r.released = files[:live]
	for _, f := range files[live:] {
		s, err := r.dir.openSegment(f.path, r.access)
		if err != nil {
			return err
		}
		s.order = f.ordinal
		r.segments = append(r.segments, s)
	}
	return nil
}

// inspect finds the cut, reports what it costs and refuses one that may not be made.
func (r *recovery) inspect() (c cut, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := r.fault(recover()); fault != nil {
			err = fault
		}
	}()
	if c, err = r.verify(); err != nil {
		return c, err
	}
	corrupt := r.judge(c)
	if corrupt != nil && !r.repair {
		return c, corrupt
	}
	c.lost = r.lost(c)
	if corrupt != nil {
		r.log.Error("journal: corrupt log cut as ordered", "lost_bytes", c.lost, "next", c.seq, "err", corrupt)
	} else if c.lost > 0 {
		r.log.Warn("journal: torn tail cut", "segment", r.segments[c.index].path, "offset", c.offset,
			"lost_bytes", c.lost, "next", c.seq, "reason", c.reason)
	}
	return c, nil
}

// fault makes an error of the panic that an unreadable page raises (SIGBUS, a disk error
// under the mapping). Any other panic goes on.
func (r *recovery) fault(panicked any) error {
	if panicked == nil {
		return nil
	}
	at, ok := panicked.(interface{ Addr() uintptr })
	if !ok {
		panic(panicked)
	}
	for _, s := range r.segments {
		offset := at.Addr() - uintptr(unsafe.Pointer(unsafe.SliceData(s.data)))
		if offset < uintptr(len(s.data)) {
			return fmt.Errorf("journal: %s at offset %d: %w", s.path, offset, syscall.EIO)
		}
	}
	panic(panicked)
}

// verify reads all records and returns where the log stops.
func (r *recovery) verify() (cut, error) {
	r.voidBeforeReset()
	stop := cut{seq: 1}
	for i := 0; i < len(r.segments); i++ {
		s := r.segments[i]
		h, err := parseHeader(s.data)
		if err == nil && i > 0 && h.follows < stop.last {
			stop, i = r.supersede(stop, i, h)
		}
		switch {
		case errors.Is(err, ErrVersion):
			return stop, fmt.Errorf("%s: %w", s.path, err)
		case err == nil && !r.belongs(h):
			return stop, r.foreign(s.path, h)
		case err != nil && stop.reason != "":
			return stop, nil
		case err != nil:
			return stop.at(i, err.Error()), nil
		case i > 0 && h.follows < stop.last:
			return stop.at(i, "the segment repeats records of the one before"), nil
		case i > 0 && h.follows > stop.last:
			if stop.reason == "" {
				stop.reason = fmt.Sprintf("records %d to %d are missing", stop.last+1, h.follows)
			}
			return stop, nil
		}
		stop = s.recover(h)
		r.checked += stop.seq - h.first
		stop.index = i
	}
	return stop, nil
}

// belongs reports whether a segment is a part of this log. Version 1 does not say.
func (r *recovery) belongs(h header) bool {
	if h.version == 1 {
		return true
	}
	if r.history == nil {
		r.history = &h.history
	}
	return h.history == *r.history
}

func (r *recovery) foreign(path string, h header) error {
	return fmt.Errorf("%w: %s is of history %s, not of %s; move the folder away, or bring back the database of history %s",
		ErrHistory, path, h.history, *r.history, h.history)
}

// at moves the cut to the start of a segment.
func (c cut) at(index int, reason string) cut {
	return cut{index: index, last: c.last, seq: c.seq, reason: reason}
}

// recover takes the numbers from the header and finds the end of the records.
func (s *segment) recover(h header) (stop cut) {
	s.take(h)
	s.checked.Store(true)
	stop.offset, stop.seq, stop.reason = scan(s.data, s.start, h.first)
	s.end, s.limit = stop.offset, stop.offset
	stop.last = h.follows
	if stop.seq > h.first {
		stop.last = stop.seq - 1
	}
	if mark, ok := parseMark(s.data); ok && stop.offset < mark && stop.reason == "" {
		stop.reason = "there is no record where one is known to have been"
	}
	return stop
}

// judge returns an error if the cut goes through what is known to have been on the disk.
func (r *recovery) judge(c cut) *CorruptError {
	for i := len(r.segments) - 1; i >= c.index; i-- {
		s := r.segments[i]
		mark, ok := parseMark(s.data)
		if !ok {
			return &CorruptError{Segment: s.path, Offset: markAt, Reason: "the durable mark is not whole", Seq: c.seq}
		}
		if mark > 0 && (i > c.index || c.offset < mark) {
			return &CorruptError{Segment: r.segments[c.index].path, Offset: int64(c.offset), Reason: c.reason, Seq: c.seq}
		}
	}
	return nil
}

// lost counts the bytes that the cut throws away. Zeros after the last record do not
// count.
func (r *recovery) lost(c cut) int {
	lost := 0
	for i, s := range r.segments[c.index:] {
		from := s.start
		if from == 0 {
			from = headerSize // nobody looked at its header, or could read it
		}
		if i == 0 {
			from = max(from, c.offset)
		}
		if from < len(s.data) {
			lost += used(s.data[from:])
		}
	}
	return lost
}

// apply makes the cut. A segment without a sound header goes altogether; one without
// records stays for now, since it keeps the numbering.
func (r *recovery) apply(c cut) error {
	keep := c.index
	if c.offset > 0 {
		keep++
	}
	if err := r.applyVoid(); err != nil {
		return err
	}
	gone := slices.Clone(r.segments[keep:])
	r.segments = r.segments[:keep]
	if c.known {
		return r.segments[c.index].shorten(gone)
	}
	for _, s := range slices.Backward(gone) {
		if err := s.remove(); err != nil {
			return err
		}
	}
	if keep == c.index {
		return nil
	}
	return r.segments[c.index].truncate()
}

// truncate cuts the file after the last record. The mapping keeps its length; the pages
// after the end of the file must not be touched.
func (s *segment) truncate() error {
	if len(s.data) == s.end {
		return nil
	}
	return s.file.Truncate(int64(s.end))
}

// settle has everything on the disk, and each segment say so.
func (r *recovery) settle() error {
	for _, s := range r.segments {
		if mark, ok := parseMark(s.data); ok && mark == s.end && s.end == len(s.data) {
			continue // else it may just have been cut there
		}
		if err := s.file.Sync(); err != nil {
			return err
		}
		putMark(s.data, s.end)
		if err := s.file.Sync(); err != nil {
			return err
		}
	}
	return r.dir.sync()
}

// abandon gives everything back after an error.
func (r *recovery) abandon() {
	r.unmap()
	if r.dir != nil {
		r.dir.close()
	}
}

func (r *recovery) unmap() {
	for _, s := range slices.Concat(r.segments, r.kept, r.void) {
		s.unmap()
	}
}
