// Package journal is the durable ordered log of the server: a dense sequence of records,
// each of them bytes. Every accepted command is one record. Recovery is the SQL tables
// plus a replay of the records after their position, and the SQL writer is a reader of
// this log.
//
// Segments are preallocated files mapped into memory, so that Append is a copy, a
// checksum and a store under one short mutex, without a system call: the page cache
// outlives the process. The promises are in webapp/docs/durability.md, the reasons in
// webapp/docs/decisions/0001-mmap-journal.md.
//
// The package leaves to others what the bytes mean, when records may be released, and how
// long writers hold back while the backlog is large.
package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/internal/disk"
	"isuride/webapp/internal/lockwatch"
	"isuride/webapp/internal/pulse"
)

// Journal is the log. All methods may be called from any goroutine.
//
// Locks are taken in the order cutting, syncing, making, releasing, then mu; or commit.mu,
// then mu. waits.mu stands alone.
type Journal struct {
	// set once
	level        Durability
	interval     time.Duration
	segmentBytes int
	keepBytes    int64 // of released segments
	history      History
	group        uint32
	replicated   bool // which belong to a group: what others see waits for Commit
	stepped      bool // no loop runs: the caller syncs
	reserve      int  // bytes that a record leaves for the mark of its entry
	log          *slog.Logger
	sys          disk.Disk
	dir          *folder       // nil: all is in anonymous memory
	lowSpare     chan struct{} // one token: a spare segment should be made
	closing      chan struct{} // closed by Close, first thing
	makeDone     chan struct{} // closed by the loop that makes spare segments
	syncDone     chan struct{} // closed by the sync loop

	// atomic; appended and written are stored under mu
	appended   atomic.Uint64 // number of the last record
	written    atomic.Int64  // bytes of all records that Open found or Append added
	released   atomic.Int64  // bytes of those that Release has passed
	kept       atomic.Int64  // bytes of the segments that are kept; stored by who holds releasing
	found      atomic.Uint64 // number of the last record before the first that Append adds; stored under mu
	foundBytes atomic.Int64  // of the records that Open found; stored under mu
	checked    atomic.Uint64 // records whose checksums Open and readers have looked at

	growth pulse.Pulse // of what is appended
	safety pulse.Pulse // of what is on the disk
	fenced pulse.Pulse // of the ends of leaderships
	commit commit
	waits  waits // for the watermark of a replicated log

	leads atomic.Uint64 // term in which this node adds the records, 0: it does not; stored under mu, or by Close

	mu      lockwatch.Mutex
	oldest  *segment // nil once all segments are unmapped
	active  *segment // takes the records
	spare   *segment // comes after the active one; nil: not made yet
	asked   bool     // for a spare segment, since the active one became active
	waiting *group   // appends that need the spare segment; nil: none does
	scarce  bool     // the last attempt to make a spare segment has failed
	starved bool     // and a record was refused since
	refused error    // why Append refuses
	closed  bool     // only readers hold on to segments
	pins    map[*pin]struct{}
	looking map[*pin]struct{} // of subscribers
	leaving []*segment        // that are gone, but a subscriber may still look at

	// Of a log of entries.
	term   uint64      // in which the next record is written
	last   Base        // the last entry
	sealed place       // after its mark
	begun  []beginning // of the last entry that is committed, and all later ones, in order
	endPin *pin        // on the first of these

	cutting sync.Mutex // held while the log is cut, and while an entry is read
	syncing sync.Mutex // held while a sync runs

	making  sync.Mutex // held while the loop makes a segment
	ordinal uint64     // of the next file

	releasing  sync.Mutex // held while records are released
	release    cursor     // before the oldest record that is not released
	releasePin *pin       // nil once closed

	under *syncing // of a Stepped log

	syncPin *pin // owned by who holds syncing
}

// Open recovers the log in the folder and makes it ready for more records. A torn tail is
// cut; a corrupt log is refused with a *CorruptError unless Options.Repair says to cut
// it. ErrLocked means that another journal has the folder, ErrHistory that the folder
// holds another log.
func Open(o Options) (*Journal, error) {
	return open(o, disk.Linux{})
}

func open(o Options, sys disk.Disk) (*Journal, error) {
	j, err := build(o, sys)
	if err != nil {
		return nil, err
	}
	go j.makeLoop()
	if j.synced() {
		go j.syncLoop()
	} else {
		close(j.syncDone)
	}
	return j, nil
}

// build makes the log without its loops.
func build(o Options, sys disk.Disk) (*Journal, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	j := &Journal{
		level:        o.Durability,
		interval:     o.SyncInterval,
		segmentBytes: o.SegmentBytes,
		keepBytes:    o.Keep,
		history:      o.History,
		group:        o.Group,
		replicated:   o.Replicated,
		log:          o.Log,
		sys:          sys,
		lowSpare:     make(chan struct{}, 1),
		closing:      make(chan struct{}),
		makeDone:     make(chan struct{}),
		syncDone:     make(chan struct{}),
		commit:       commit{wanted: make(chan struct{}, 1)},
		pins:         make(map[*pin]struct{}),
		looking:      make(map[*pin]struct{}),
	}
	if j.replicated {
		j.reserve = recordSize(markSize)
	}
	if err := j.openLog(o); err != nil {
		return nil, err
	}
	return j, nil
}

// synced reports whether records go to the disk at all.
func (j *Journal) synced() bool { return j.level != None }

// openLog recovers what the folder holds and starts a new segment after it.
func (j *Journal) openLog(o Options) (err error) {
	r := recovery{log: o.Log, repair: o.Repair, access: readWrite, history: &o.History, next: 1,
		replicated: j.replicated, group: o.Group, base: o.Base}
	defer func() {
		if err != nil {
			r.abandon()
		}
	}()
	if o.Dir != "" {
		if r.dir, err = openFolder(o.Dir, j.sys); err != nil {
			return err
		}
		if err := r.run(); err != nil {
			return err
		}
	}
	if err := r.settleEntries(); err != nil {
		return err
	}
	if j.replicated {
		o.First = 0 // the group gives the numbers
	}
	if r.last > 0 && o.First > r.next {
		j.log.Warn("journal: records that SQL has are gone, the numbering jumps", "last", r.last, "next", o.First)
	}
	j.dir, j.ordinal = r.dir, r.ordinal
	h := header{first: max(r.next, o.First), follows: r.last, history: o.History, term: r.term, group: o.Group, chained: j.replicated, before: r.entry}
	active, err := j.firstSegment(h)
	for errors.Is(err, ErrFull) && r.giveUp(o.First) {
		active, err = j.firstSegment(h)
	}
	if err != nil {
		return err
	}
	j.checked.Store(r.checked)
	j.adopt(r.segments, active)
	j.adoptKept(r.kept)
	j.adoptEntries(r.term, r.entry)
	return nil
}

// firstSegment makes the segment that the log goes on in. Its header is on the disk
// before any older segment goes: together they know the next number.
func (j *Journal) firstSegment(h header) (*segment, error) {
	s, err := j.newSegmentLocked()
	if err != nil {
		return nil, err
	}
	s.begin(h)
	if !j.synced() {
		return s, nil
	}
	if err := s.file.Sync(); err != nil {
		s.unmap()
		return nil, fmt.Errorf("journal: sync a segment: %w", err)
	}
	return s, nil
}

// adopt makes the log of the recovered segments and the new one. Segments without records
// are only dropped here, since until now they kept the numbering.
func (j *Journal) adopt(recovered []*segment, active *segment) {
	j.oldest, j.active = active, active
	for _, s := range slices.Backward(recovered) {
		if s.end == s.start {
			j.discard(s)
			continue
		}
		s.follow(j.oldest)
		j.oldest = s
		j.written.Add(int64(s.end - s.start))
	}
	j.appended.Store(active.first - 1)
	j.commit.durable.Store(active.first - 1)
	j.found.Store(active.first - 1)
	j.foundBytes.Store(j.written.Load())
	j.release = j.oldest.beginning()
	j.releasePin = j.pinLocked(j.oldest)
	if j.synced() {
		j.syncPin = j.pinLocked(active)
	}
}

// Append adds a record and returns its number. It never touches the disk: when the log
// has outrun the making of segments it waits up to spareLimit for the next one, else
// ErrLate. The payload is not retained. After an error the log is as it was. ErrClosed
// and a failed sync are permanent; any other error concerns this record only. In a
// replicated log it is ErrNotLeading unless Lead was called, and what is taken can be sealed,
// whatever becomes of the disk: there is room for the mark.
func (j *Journal) Append(payload []byte) (seq uint64, err error) {
	return j.AppendNoted(payload, nil)
}

// AppendNoted is Append, and tells note, unless it is nil, the record's number before another
// record can be added: what note does has the order of the log. It must be short, and must not
// call the journal.
func (j *Journal) AppendNoted(payload []byte, note interface{ Recorded(seq uint64) }) (seq uint64, err error) {
	size := recordSize(len(payload))
	if with := size + j.reserve; with > j.segmentBytes-headerSize3 && with > j.roomiest() {
		return 0, fmt.Errorf("%w: %d bytes into segments of %d", ErrTooLarge, len(payload), j.segmentBytes)
	}
	j.mu.Lock()
	if j.refused != nil || !j.roomLocked(size+j.reserve) {
		if err := j.awaitRoom(size+j.reserve, spareLimit, nil); err != nil {
			j.mu.Unlock()
			return 0, err
		}
	}
	seq = j.putLocked(payload, size)
	if note != nil {
		note.Recorded(seq)
	}
	j.mu.Unlock()
	j.growth.Beat()
	return seq, nil
}

// Hold calls f with the number of the last record while none can be added. What holds for note
// of AppendNoted holds for f.
func (j *Journal) Hold(f func(last uint64)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(j.appended.Load())
}

// roomiest is what a segment has for records.
func (j *Journal) roomiest() int {
	return j.segmentBytes - header{chained: j.replicated}.size()
}

// awaitRoom sees to it that the active segment has room, or says why not; that it is
// refused despite the given reason is none. While it waits, others may have the lock.
func (j *Journal) awaitRoom(size int, limit time.Duration, despite error) error {
	for (j.refused == nil || j.refused == despite) && !j.roomLocked(size) {
		made, fenced := j.awaitSpareLocked(), j.fenced.Next()
		j.mu.Unlock()
		if j.stepped {
			j.makeSpare()
		}
		err := made.waitAtMost(limit, fenced)
		j.mu.Lock()
		if err != nil {
			j.starved = j.starved || j.spare == nil
			return err
		}
	}
	if j.refused == despite {
		return nil
	}
	return j.refused
}

// putLocked writes the record, then publishes it.
func (j *Journal) putLocked(payload []byte, size int) (seq uint64) {
	s := j.active
	seq = j.appended.Load() + 1
	putRecord(s.data[s.end:], seq, payload)
	j.grewLocked(size)
	return seq
}

// grewLocked publishes the record that was written to the end of the log.
func (j *Journal) grewLocked(size int) {
	s := j.active
	s.end += size
	j.written.Add(int64(size))
	j.appended.Add(1)
	if !j.asked && s.end > len(s.data)/2 {
		j.asked = true
		notify(j.lowSpare)
	}
}

// roomLocked sees to it that the active segment has room, if need be by moving on to the
// spare one. False means that there is no spare segment.
func (j *Journal) roomLocked(size int) bool {
	if j.active.fits(size) {
		return true
	}
	if j.spare == nil {
		return false
	}
	j.spare.begin(j.nextHeaderLocked())
	j.active.follow(j.spare)
	j.active, j.spare, j.asked = j.spare, nil, false
	if j.replicated {
		notify(j.lowSpare) // the next term may begin at any time
	}
	return true
}

// nextHeaderLocked is that of the segment that comes after the active one.
func (j *Journal) nextHeaderLocked() header {
	last := j.appended.Load()
	h := header{first: last + 1, follows: last, history: j.history, term: j.term, group: j.group, chained: j.replicated, before: j.last}
	if j.active.end == j.active.start {
		h.follows = j.active.follows
	}
	return h
}

// Wait returns when the record is as durable as the level says: at once for None and
// Crash, after a sync for Power. Once a sync has failed it returns that error for all
// that was not safe by then. In a replicated log it waits for the watermark: see WaitIn.
func (j *Journal) Wait(seq uint64) error {
	if j.replicated {
		return j.WaitIn(j.leads.Load(), seq)
	}
	if seq > j.appended.Load() {
		panic(fmt.Sprintf("BUG: journal: wait for record %d, which was not appended", seq))
	}
	switch {
	case j.level == Power:
		return j.commit.wait(seq)
	case j.commit.durable.Load() >= seq:
		return nil
	}
	return j.commit.failure()
}

// Appended returns the number of the last record, 0 before the first.
func (j *Journal) Appended() uint64 { return j.appended.Load() }

// Durable returns the number of the last record that survives power loss; at level None
// of the last that ever will.
func (j *Journal) Durable() uint64 { return j.commit.durable.Load() }

// Oldest returns the number of the oldest record that the log still holds, released ones
// included, or would hold if it were not empty.
func (j *Journal) Oldest() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.oldest == nil {
		return j.appended.Load() + 1
	}
	return j.oldest.first
}

// Backlog returns the bytes of the records that are not released yet.
func (j *Journal) Backlog() int64 {
	released := j.released.Load() // first: it never overtakes what was written by then
	return j.written.Load() - released
}
