package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	defaultSegmentBytes = 64 << 20
	minSegmentBytes     = 4 << 10
	maxSegmentBytes     = 1 << 30 // offsets fit into half a word, see putMark
	pageBytes           = 4 << 10

	// defaultSyncInterval bounds the loss by a power cut at level Crash. A sync of a busy
	// log costs well under a millisecond of a disk's time, so ten a second disturb
	// nobody.
	defaultSyncInterval = 100 * time.Millisecond
)

// Options say where the log lives and what it promises. Only Dir has no default.
type Options struct {
	// Dir is the folder of the segment files; it is made if needed. At level None it may
	// be empty. If it is not, its records are recovered first, so that a change of level
	// loses nothing.
	Dir        string
	Durability Durability

	// History is the identity of the log, in the header of every segment. Open refuses
	// segments of another history; those of version 1 have none and are taken for this
	// one's.
	History History

	// SegmentBytes is the size of a segment, rounded up to pages; 0 means 64 MiB. A
	// segment is allocated whole, and its space comes back when all its records have been
	// released. It also bounds the payload.
	SegmentBytes int

	// Keep is the number of bytes of released segments that stay for subscribers. At
	// level None there are none, since they would be memory.
	Keep int64

	// SyncInterval is the longest time that a record waits for a sync that nobody asked
	// for; 0 means 100 ms.
	SyncInterval time.Duration

	// First is the lowest number that the next record may get: the position of the SQL
	// tables plus one. Normally the log is ahead of it and it changes nothing. When the
	// tail of the log went with a power loss and SQL is ahead of it, the numbering jumps
	// to First, since every number up to there is taken. 0 means 1.
	First uint64

	// Replicated says that the log is that of a group: records are sealed into entries,
	// they are added by who leads (Lead), or as entries (AppendEntry), and readers see what
	// Commit has passed. Open cuts what was appended behind the last entry, since nobody
	// else has it, and ignores First.
	Replicated bool

	// Group is the number of the group that the log belongs to; Open refuses another.
	Group uint32

	// Base is what the entries of a replicated log begin after. It counts when the folder
	// is not yet that of a group: an empty one may begin after a snapshot, and one with
	// records, which are then all before the first entry (Last may be 0 for their end).
	// Without it such a folder is refused, so that a server's data do not become a
	// member's by mistake.
	Base Base

	// Repair has Open cut a corrupt log where it is corrupt instead of refusing it.
	Repair bool

	// Log gets what was cut and why the journal stopped; nil means slog.Default().
	Log *slog.Logger
}

// complete checks the options and fills in the defaults.
func (o *Options) complete() error {
	if o.Durability > None {
		return fmt.Errorf("journal: unknown %s", o.Durability)
	}
	if o.Dir == "" && o.Durability != None {
		return errors.New("journal: no folder given")
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.SegmentBytes < minSegmentBytes || o.SegmentBytes > maxSegmentBytes {
		return fmt.Errorf("journal: segments of %d bytes, want %d to %d", o.SegmentBytes, minSegmentBytes, maxSegmentBytes)
	}
	o.SegmentBytes = (o.SegmentBytes + pageBytes - 1) &^ (pageBytes - 1)
	if o.Keep < 0 {
		return fmt.Errorf("journal: %d bytes to keep", o.Keep)
	}
	if o.Durability == None {
		o.Keep = 0
	}
	if o.Durability == None && o.Replicated {
		return errors.New("journal: a log in memory has no entries: choose another durability")
	}
	if o.SyncInterval < 0 {
		return fmt.Errorf("journal: sync interval of %s", o.SyncInterval)
	}
	if o.SyncInterval == 0 {
		o.SyncInterval = defaultSyncInterval
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.First = max(o.First, 1)
	return nil
}
