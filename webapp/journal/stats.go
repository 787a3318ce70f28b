package journal

import "time"

// Stats is a snapshot for metrics. The numbers are each right, but not all of the same
// instant.
type Stats struct {
	Oldest   uint64 // number of the oldest record in the log, released ones included
	Appended uint64 // number of the last record
	Durable  uint64 // number of the last record on the disk
	Backlog  int64  // bytes of the records that are not released

	// Since Open: the records, the bytes that they take, and the records synced.
	Added      uint64
	AddedBytes int64
	Synced     uint64

	Segments int   // in the log, without the spare one
	Bytes    int64 // that the segments take on the disk, give or take a record
	Kept     int64 // of these, the bytes of segments that are released and kept

	Checked uint64 // records whose checksums Open and readers have looked at

	Syncs    uint64
	LastSync time.Duration // how long the last sync took
	Err      error         // of the sync that failed, nil while none has
}

// Stats returns the figures of the journal.
func (j *Journal) Stats() Stats {
	s := Stats{
		Oldest:   j.Oldest(),
		Durable:  j.Durable(),
		Appended: j.Appended(),
		Backlog:  j.Backlog(),
		Syncs:    j.commit.syncs.Load(),
		LastSync: time.Duration(j.commit.took.Load()),
		Err:      j.commit.failure(),
	}
	s.Added, s.Synced = s.Appended-j.found.Load(), s.Durable-j.found.Load()
	s.AddedBytes = j.written.Load() - j.foundBytes.Load()
	s.Segments, s.Bytes = j.size()
	s.Kept, s.Checked = j.kept.Load(), j.checked.Load()
	return s
}

func (j *Journal) size() (segments int, bytes int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for s := j.oldest; s != nil; s = s.next.Load() {
		segments++
		if s == j.active {
			bytes += int64(len(s.data))
		} else {
			bytes += int64(s.end)
		}
	}
	return segments, bytes
}
