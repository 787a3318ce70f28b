package journal

import (
	"fmt"
	"time"
)

// syncLoop keeps the disk up to date until Close.
func (j *Journal) syncLoop() {
	defer close(j.syncDone)
	for j.awaitUnsynced() {
		if err := j.sync(); err != nil {
			return
		}
	}
}

// awaitUnsynced sleeps until there is something to sync and either a waiter asks for it
// or the sync interval is over. It returns false when the journal closes.
func (j *Journal) awaitUnsynced() bool {
	for !j.unsynced() {
		grown := j.growth.Next()
		if j.unsynced() {
			break
		}
		select {
		case <-grown:
		case <-j.closing:
			return false
		}
	}
	interval := time.NewTimer(j.interval)
	defer interval.Stop()
	select {
	case <-j.commit.wanted:
	case <-interval.C:
	case <-j.closing:
		return false
	}
	return true
}

func (j *Journal) unsynced() bool {
	return j.appended.Load() > j.commit.durable.Load()
}

// sync brings everything appended so far to the disk.
func (j *Journal) sync() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	return j.endSync(j.beginSync())
}

// syncing is a sync under way, of all up to this place.
type syncing struct {
	place
	began time.Time
}

// beginSync takes those in who wait for a sync. The caller holds Journal.syncing, or is
// alone.
func (j *Journal) beginSync() *syncing {
	s := &syncing{began: time.Now()}
	j.commit.begin(func() (target uint64) {
		target, s.seg, s.offset = j.position()
		return target
	})
	return s
}

func (j *Journal) endSync(s *syncing) error {
	err := j.syncSegments(s.seg, s.offset)
	j.commit.took.Store(int64(time.Since(s.began)))
	j.commit.syncs.Add(1)
	if err != nil {
		err = fmt.Errorf("journal: sync failed, nothing more is accepted: %w", err)
		j.refuse(err)
		j.log.Error("journal: stopped", "err", err)
	}
	j.commit.end(err)
	j.safety.Beat()
	if j.replicated {
		j.waits.advance(j, err)
	}
	return err
}

// position returns the end of the log.
func (j *Journal) position() (last uint64, seg *segment, offset int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.appended.Load(), j.active, j.active.end
}

// syncSegments syncs from the segment where the last sync ended up to the given end, in
// order, since a durable mark speaks for all segments before.
func (j *Journal) syncSegments(last *segment, end int) error {
	for s := j.syncPin.Load(); s != last; s = s.next.Load() {
		if err := j.giveBack(s); err != nil {
			return err
		}
		if err := j.syncSegment(s, int(s.stop.Load())); err != nil {
			return err
		}
	}
	if err := j.syncSegment(last, end); err != nil {
		return err
	}
	j.syncPin.Store(last)
	return nil
}

// giveBack returns the room that a segment has not used because a new term began. Nobody
// looks at what is behind the records.
func (j *Journal) giveBack(s *segment) error {
	end := int(s.stop.Load())
	if !j.replicated || len(s.data)-end < j.segmentBytes/smallestShare {
		return nil
	}
	return s.file.Truncate(int64(end))
}

func (j *Journal) syncSegment(s *segment, end int) error {
	if err := s.file.SyncData(); err != nil {
		return err
	}
	putMark(s.data, end)
	return nil
}
