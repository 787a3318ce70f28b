package journal

import (
	"errors"
	"fmt"
	"time"

	"isuride/webapp/internal/disk"
)

// spareLimit bounds the wait of an append for a spare segment. The caller holds the locks
// of the entities it changes, and a client does not wait much longer for an answer.
const spareLimit = 5 * time.Second

// entryLimit is the same for Seal and AppendEntry, whose caller keeps a group together
// meanwhile, and can repeat them: longer than it takes to make a segment, shorter than what
// anybody would miss the caller for.
const entryLimit = 20 * time.Millisecond

// makeLoop makes spare segments. It is asked when the active segment is half full, so
// that appends rarely find it late.
func (j *Journal) makeLoop() {
	defer close(j.makeDone)
	for {
		select {
		case <-j.lowSpare:
			j.makeSpare()
		case <-j.closing:
			j.takeWaiting().release(ErrClosed)
			return
		}
	}
}

// makeSpare makes the spare segment unless there is one, and releases those who asked for
// it before it looked.
func (j *Journal) makeSpare() {
	j.making.Lock()
	defer j.making.Unlock()
	asked := j.takeWaiting()
	err := j.ensureSpare()
	if err == nil && asked != nil && !j.stepped {
		j.log.Warn("journal: appends have waited for a segment: the disk is slow")
	}
	asked.release(err)
}

func (j *Journal) ensureSpare() error {
	j.mu.Lock()
	there := j.spare != nil
	j.mu.Unlock()
	if there {
		return nil
	}
	s, err := j.newSegmentLocked()
	for errors.Is(err, ErrFull) && j.giveUp() {
		j.log.Warn("journal: the disk is full, released records are given up", "oldest", j.Oldest())
		s, err = j.newSegmentLocked()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		if !j.scarce && !j.stepped {
			j.log.Warn("journal: no other segment can be made; what comes is refused as soon as this one is full", "err", err)
		}
		j.scarce = true
		return err
	}
	j.spare, j.scarce, j.starved = s, false, false
	return nil
}

// Room is what the log has for what comes.
type Room uint8

// The rooms.
const (
	// Ample: another segment is there, or will be.
	Ample Room = iota
	// Scarce: no other segment could be made, so that no term can begin; records still find
	// room.
	Scarce
	// NoRoom: records are refused, or wait.
	NoRoom
)

// Room tells how much there is, and has another segment tried for if there is little. An error
// says that the log has stopped for good.
func (j *Journal) Room() (Room, error) {
	room, err := j.room()
	if room != Ample && err == nil {
		notify(j.lowSpare)
		if j.stepped {
			j.makeSpare()
		}
	}
	return room, err
}

func (j *Journal) room() (Room, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.refused != nil && j.refused != ErrNotLeading:
		return NoRoom, j.refused
	case j.spare != nil:
		return Ample, nil
	case j.starved || j.waiting != nil:
		return NoRoom, nil
	case j.scarce:
		return Scarce, nil
	}
	return Ample, nil
}

func (j *Journal) takeWaiting() *group {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.waiting
	j.waiting = nil
	return g
}

// awaitSpareLocked asks for a spare segment and returns the group of those who wait for
// it.
func (j *Journal) awaitSpareLocked() *group {
	if j.waiting == nil {
		j.waiting = newGroup()
	}
	notify(j.lowSpare)
	return j.waiting
}

// waitAtMost returns the group's outcome, or ErrLate. It also ends, without an error, when
// nobody is to wait any more.
func (g *group) waitAtMost(limit time.Duration, over <-chan struct{}) error {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-g.done:
		return g.err
	case <-over:
		return nil
	case <-t.C:
		return ErrLate
	}
}

// newSegmentLocked makes a segment of zeros. It is called by Open, then by makeLoop.
func (j *Journal) newSegmentLocked() (*segment, error) {
	if !j.synced() {
		s, err := anonymousSegment(j.segmentBytes)
		if err == nil {
			s.order = j.ordinal
			j.ordinal++
		}
		return s, err
	}
	s, err := createSegment(j.dir, j.ordinal, j.segmentBytes)
	if disk.IsFull(err) {
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: make a segment: %w", err)
	}
	s.order = j.ordinal
	j.ordinal++
	return s, nil
}

// dropSpare removes the spare segment. makeLoop has ended.
func (j *Journal) dropSpare() error {
	j.mu.Lock()
	spare := j.spare
	j.spare = nil
	j.mu.Unlock()
	if spare == nil {
		return nil
	}
	return spare.remove()
}

// notify puts a token into a channel that has room for one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
