package journal

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is the answer to everything after Close.
	ErrClosed = errors.New("journal: closed")
	// ErrFull says that the disk has no room for another segment. Append may be tried
	// again: it works as soon as there is room.
	ErrFull = errors.New("journal: no room on the disk for another segment")
	// ErrLate says that the next segment was not ready in time. Append may be tried
	// again.
	ErrLate = errors.New("journal: the disk is too slow to make room for more records")
	// ErrTooLarge says that a payload does not fit into a segment.
	ErrTooLarge = errors.New("journal: payload too large")
	// ErrLocked says that another journal, most likely another server, has the folder
	// open.
	ErrLocked = errors.New("journal: the folder is in use by another server")
	// ErrVersion says that another version of this package wrote a segment. Repair does
	// not touch it.
	ErrVersion = errors.New("journal: the segment has another format")
	// ErrHistory says that a folder holds the log of another history.
	ErrHistory = errors.New("journal: the folder belongs to another history")
	// ErrGone says that records asked for are no longer in the log: who needs them has to
	// start from a snapshot. The error is a *GoneError.
	ErrGone = errors.New("journal: records are no longer in the log")
	// ErrAhead says that the log does not reach the records asked for. Who has seen them
	// has seen what a power loss has taken, and has to start from a snapshot, too.
	ErrAhead = errors.New("journal: the log does not reach that far")
)

// GoneError says which record was asked for, and from where on there are some.
type GoneError struct{ Wanted, Oldest uint64 }

func (e *GoneError) Error() string {
	return fmt.Sprintf("journal: record %d is no longer in the log, which begins at %d: start from a snapshot", e.Wanted, e.Oldest)
}

// Is reports whether the target is ErrGone.
func (e *GoneError) Is(target error) bool { return target == ErrGone }

// CorruptError says that records which were safely on the disk are damaged, and where. A
// torn tail, the normal trace of a power loss, is no CorruptError: Open cuts it by
// itself.
type CorruptError struct {
	Segment string // path of the file
	Offset  int64  // in bytes from the start of the file
	Reason  string
	Seq     uint64 // first record that a repair gives up
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("journal: segment %s is corrupt at offset %d: %s; "+
		"keep a copy of the folder, then start with repair to cut the log there (record %d and all after it are given up)",
		e.Segment, e.Offset, e.Reason, e.Seq)
}
