package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// Sight is one thing that Look comes upon: a record, or something to be said of the log at
// this place.
type Sight struct {
	Segment string // path of the file
	Offset  int64  // in it
	// Seq is the record's number; of a remark, that of the first record which the remark
	// is about, as far as it is known.
	Seq     uint64
	Payload []byte // of a record; valid until the callback returns
	// Remark is what is to be said, "" for a record.
	Remark string
	// History is the identity of the log, zero where its segments do not say it.
	History History
	// Damaged: records that were safely on the disk are not there, or not whole. Without
	// it a remark is about what is normal: a tail torn by a power loss, the log's end.
	Damaged bool
	// Ends: the log ends here, and nothing is missing that anybody was promised.
	Ends bool
}

// Look shows the records of a folder, or of one segment, in the order of the log, for
// people and tools: it changes and locks nothing, may run beside the server that writes
// the log, and goes on behind damage with the next segment that is sound. What a server
// would refuse or cut is a remark. Its error is that of the callback, or says that the
// path cannot be read at all.
func Look(path string, see func(Sight) error) error {
	l := look{}
	l.see = func(s Sight) error {
		if l.history != nil {
			s.History = *l.history
		}
		return see(s)
	}
	defer func() { l.closeFrom(0) }()
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		err = l.files([]string{path})
	default:
		err = l.folder(path)
	}
	if err != nil {
		return err
	}
	return l.end()
}

// look is a walk over a log.
type look struct {
	see func(Sight) error

	began   bool     // a segment with a sound header was there
	last    uint64   // number of the last record, released ones included
	history *History // of the first segment that has one
	broken  bool     // the log has stopped for a reason that was told
	at      cursor   // after the records that were read last

	term  uint64 // in which the segment before was written
	links links  // of its entries

	next     uint64 // ordinal after the last segment that was used
	vanished bool   // a segment was deleted before it could be read
	open     []*segment
}

func (l *look) closeFrom(i int) {
	for _, s := range l.open[i:] {
		s.unmap()
	}
	l.open = l.open[:i]
}

// lookRounds bounds the number of listings: a busy server begins segments as fast as they
// are read.
const lookRounds = 2

// folder walks over the segments that are there, and over those that a running server has
// begun meanwhile.
func (l *look) folder(path string) error {
	done := uint64(0)
	for range lookRounds {
		paths, err := list(path)
		if err != nil {
			return err
		}
		paths = paths[len(paths)-countFrom(paths, done):]
		if len(paths) == 0 {
			return nil
		}
		if first, _ := parseOrdinal(filepath.Base(paths[0])); done > 0 && first > done {
			l.vanished = true // begun and released since the last listing
		}
		if err := l.files(paths); err != nil {
			return err
		}
		done = l.next // a spare segment may have been used since
	}
	return nil
}

// list is folder.segments beside a running server. One listing may have a file and lack
// one that was there before it; what the first one has up to some ordinal, the second one
// has completely.
func list(path string) (paths []string, err error) {
	d := onMachine(path)
	_, next, err := d.segments()
	if err != nil {
		return nil, err
	}
	paths, _, err = d.segments()
	return paths[:len(paths)-countFrom(paths, next)], err
}

// countFrom returns how many of the paths have an ordinal from this one on.
func countFrom(paths []string, ordinal uint64) (n int) {
	for _, path := range paths {
		if o, ok := parseOrdinal(filepath.Base(path)); ok && o >= ordinal {
			n++
		}
	}
	return n
}

func (l *look) files(paths []string) error {
	from := len(l.open)
	for _, path := range paths {
		s, err := openAgain(path)
		switch {
		case errors.Is(err, fs.ErrNotExist): // released and deleted a moment ago, after all before it
			l.vanished = true
			l.closeFrom(from)
			continue
		case err != nil:
			l.passed(path)
			if err := l.damage(Sight{Segment: path, Seq: l.last + 1, Remark: "it cannot be read: " + err.Error()}); err != nil {
				return err
			}
			continue
		}
		s.file.Close() // the mapping stays
		s.file = nil
		l.open = append(l.open, s)
	}
	for i := from; i < len(l.open); i++ {
		if err := l.segment(l.open[i], l.open[i+1:]); err != nil {
			return err
		}
	}
	return nil
}

// openAgain opens a segment, under another name if it has got one meanwhile.
func openAgain(path string) (*segment, error) {
	s, err := onMachine(filepath.Dir(path)).openSegment(path, readOnly)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	dir, name := filepath.Split(path)
	paths, listErr := list(filepath.Clean(dir))
	if listErr != nil {
		return nil, err
	}
	ordinal, _ := parseOrdinal(name)
	for _, path := range paths {
		if o, _ := parseOrdinal(filepath.Base(path)); o == ordinal {
			return onMachine(dir).openSegment(path, readOnly)
		}
	}
	return nil, err
}

// passed notes that a segment has been looked at for good.
func (l *look) passed(path string) {
	if ordinal, ok := parseOrdinal(filepath.Base(path)); ok {
		l.next = ordinal + 1
	}
}

func (l *look) damage(s Sight) error {
	s.Damaged, l.broken = true, true
	return l.see(s)
}

// links compares the hashes of a log of entries with its marks, as far as it sees entries
// whole.
type links struct {
	chain Chain
	last  uint64 // number of the record that was added last
	whole bool   // all records of the entry under way have been added
	known bool   // the chain's head is the hash of the entry before
}

// begin goes on with a segment, whose header may name the entry before with its hash.
func (k *links) begin(s *segment) (wrong string) {
	if s.before.Last+1 < s.first || !s.chained { // in the middle of an entry
		if k.last+1 != s.first || !s.chained {
			k.whole, k.known = false, false
		}
		k.last = s.first - 1
		return ""
	}
	if k.known && k.last+1 == s.first && s.before.Hash != k.chain.Head() && s.before.Hash != (Hash{}) {
		wrong = fmt.Sprintf("entry %d was changed after it was written: the header has the hash %s, its records have %s", s.before.Index, s.before.Hash, k.chain.Head())
	}
	k.chain.Restart(s.before.Hash)
	k.last, k.whole, k.known = s.first-1, true, s.before.Hash != (Hash{})
	return wrong
}

func (k *links) add(seq uint64, payload []byte, s *segment) (wrong string) {
	k.last = seq
	if !s.chained {
		return ""
	}
	m, ends := ParseMark(payload)
	if ends && k.known && m.Before != k.chain.Head() && m.Before != (Hash{}) {
		wrong = fmt.Sprintf("entry %d was changed after it was written: the next mark has the hash %s, its records have %s", m.Index-1, m.Before, k.chain.Head())
	}
	k.chain.Add(seq, payload)
	if ends {
		k.known, k.whole = k.whole, true
	}
	return wrong
}

// segment shows one segment. An unreadable page is a remark.
func (l *look) segment(s *segment, later []*segment) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recovery{segments: l.open}
		if fault := r.fault(recover()); fault != nil {
			err = l.damage(Sight{Segment: s.path, Seq: l.last + 1, Remark: "it cannot be read, or has become shorter meanwhile: " + fault.Error()})
		}
	}()
	if s.unused() {
		return nil
	}
	l.passed(s.path)
	h, err := parseHeader(s.data)
	if err != nil {
		what := Sight{Segment: s.path, Seq: l.last + 1, Remark: err.Error()}
		if errors.Is(err, ErrVersion) {
			l.broken = true
			return l.see(what)
		}
		return l.damage(what)
	}
	return l.sound(s, h, later)
}

// sound shows a segment with a sound header.
func (l *look) sound(s *segment, h header, later []*segment) error {
	if skip, err := l.join(s, h); skip || err != nil {
		return err
	}
	s.take(h)
	l.at = s.beginning()
	if wrong := l.links.begin(s); wrong != "" {
		if err := l.see(Sight{Segment: s.path, Offset: indexAt, Seq: s.first, Remark: wrong, Damaged: true}); err != nil {
			return err
		}
	}
	mark, whole := parseMark(s.data) // before the records: a running server moves it after them
	reason, err := l.records()
	if err != nil {
		return err
	}
	if _, wrong := s.findMarks(l.at.offset); wrong != "" {
		return l.damage(Sight{Segment: s.path, Offset: int64(s.start), Seq: s.first, Remark: wrong})
	}
	if !whole {
		return l.damage(Sight{Segment: s.path, Offset: markAt, Seq: l.at.seq, Remark: "the durable mark is not whole"})
	}
	return l.stop(s, mark, reason, later)
}

// records shows the whole records from l.at on in its segment, and returns what is wrong
// where they end.
func (l *look) records() (reason string, err error) {
	c := &l.at
	end, _, reason := scan(c.seg.data, c.offset, c.seq)
	for c.offset < end {
		sight := Sight{Segment: c.seg.path, Offset: int64(c.offset), Seq: c.seq}
		sight.Payload = c.step()
		if wrong := l.links.add(sight.Seq, sight.Payload, c.seg); wrong != "" {
			changed := sight
			changed.Payload, changed.Remark, changed.Damaged = nil, wrong, true
			if err := l.see(changed); err != nil {
				return "", err
			}
		}
		if err := l.see(sight); err != nil {
			return "", err
		}
		l.last = sight.Seq
	}
	return reason, nil
}

// join says what is between the segment before and this one. A segment that repeats
// others is passed over.
func (l *look) join(s *segment, h header) (skip bool, err error) {
	at := Sight{Segment: s.path, Seq: h.first}
	if l.began && !l.broken && h.follows > l.last { // a running server has gone on meanwhile
		if _, err := l.records(); err != nil {
			return false, err
		}
	}
	switch {
	case h.reset && l.began && h.follows != l.last:
		at.Remark = fmt.Sprintf("the log was reset behind record %d, with a snapshot; what is before is no part of it", h.follows)
		err = l.see(at)
	case l.began && h.follows < l.last && h.chained && h.term > l.term:
		at.Seq = h.follows + 1
		at.Remark = fmt.Sprintf("records %d to %d were cut off before term %d began, and have come back; the next start removes them", h.follows+1, l.last, h.term)
		err = l.see(at)
	case l.began && h.follows < l.last:
		at.Remark = fmt.Sprintf("the segment repeats records of the one before: it follows record %d, and %d was read; it is passed over", h.follows, l.last)
		return true, l.damage(at)
	case l.began && h.follows > l.last && l.vanished:
		at.Seq = l.last + 1
		at.Remark = fmt.Sprintf("records %d to %d were released by the server before they could be read", l.last+1, h.follows)
		err = l.see(at)
	case l.began && h.follows > l.last:
		at.Seq = l.last + 1
		at.Remark = fmt.Sprintf("records %d to %d are missing; the log goes on with record %d", l.last+1, h.follows, h.first)
		err = l.damage(at)
	}
	if err == nil && h.first > h.follows+1 {
		at.Seq = h.follows + 1
		at.Remark = fmt.Sprintf("the numbering jumps from %d to %d: SQL was ahead of the log", h.follows, h.first)
		err = l.see(at)
	}
	if err == nil && h.version > 1 {
		err = l.belong(s, h)
	}
	if err == nil && h.term != l.term {
		l.term = h.term
		err = l.see(Sight{Segment: s.path, Seq: h.first, Remark: fmt.Sprintf("term %d of group %d begins, after entry %d of term %d", h.term, h.group, h.before.Index, h.before.Term)})
	}
	l.began, l.last, l.broken, l.vanished = true, h.first-1, false, false
	return false, err
}

func (l *look) belong(s *segment, h header) error {
	if l.history == nil {
		l.history = &h.history
	}
	if h.history == *l.history {
		return nil
	}
	was := *l.history
	l.history = &h.history
	return l.damage(Sight{Segment: s.path, Seq: h.first, Remark: fmt.Sprintf("the segment is of history %s, those before are of %s", h.history, was)})
}

// stop says why the records of a segment end where they do, unless that is normal.
func (l *look) stop(s *segment, mark int, reason string, later []*segment) error {
	end, next := l.at.offset, l.at.seq
	at := Sight{Segment: s.path, Offset: int64(end), Seq: next}
	if reason == "" && end < mark {
		reason = "there is no record where one is known to have been"
	}
	switch {
	case reason == "":
		return nil
	case end >= mark && !known(later):
		l.broken, at.Ends = true, true
		at.Remark = fmt.Sprintf("torn tail: %s, %d bytes after the last whole record; a power loss leaves that, and the next start cuts it", reason, used(s.data[end:]))
		return l.see(at)
	}
	at.Remark = fmt.Sprintf("%s; isuride -repair would cut here, and give up record %d and all after it", reason, next)
	return l.damage(at)
}

// known reports whether any of the segments is known to have been on the disk.
func known(segments []*segment) bool {
	for _, s := range segments {
		if mark, ok := parseMark(s.data); ok && mark > 0 {
			return true
		}
	}
	return false
}

// end tells where the log ends.
func (l *look) end() error {
	if l.broken {
		return nil // it was told why
	}
	at := Sight{Offset: int64(l.at.offset), Seq: l.last + 1, Ends: true}
	if l.at.seg != nil {
		at.Segment = l.at.seg.path
	}
	if at.Remark = fmt.Sprintf("the log ends after record %d; a running server may have added more", l.last); !l.began {
		at.Remark = "there are no records"
	}
	return l.see(at)
}

// Recognise reports whether a file is a segment, or was one, by its name or its content.
func Recognise(path string) bool {
	if strings.HasSuffix(path, segmentSuffix) || strings.HasSuffix(path, keptSuffix) {
		return true
	}
	s, err := onMachine(filepath.Dir(path)).openSegment(path, readOnly)
	if err != nil {
		return false
	}
	defer s.unmap()
	_, err = parseHeader(s.data)
	return err == nil || errors.Is(err, ErrVersion)
}

// GenerationPath returns the folder of one generation's log in the folder of all.
func GenerationPath(path string, generation uint64) string {
	return filepath.Join(path, fmt.Sprintf("%06d", generation))
}

// Generations lists the generations whose folders are in the folder of all, in order.
// Whatever has another name is somebody else's.
func Generations(path string) (numbers []uint64, err error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		n, err := strconv.ParseUint(entry.Name(), 10, 64)
		if err != nil || filepath.Join(path, entry.Name()) != GenerationPath(path, n) {
			continue
		}
		if info, err := os.Stat(filepath.Join(path, entry.Name())); err == nil && info.IsDir() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
