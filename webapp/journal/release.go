package journal

import (
	"fmt"
	"slices"
)

// Release says that no record up to the given one is needed for recovery any more.
// Segments without other records are kept for a while (keep.go), once open readers have
// left them.
func (j *Journal) Release(upTo uint64) {
	j.releasing.Lock()
	defer j.releasing.Unlock()
	appended := j.appended.Load()
	if upTo > appended {
		panic(fmt.Sprintf("BUG: journal: release of record %d, which was not appended", upTo))
	}
	if j.releasePin == nil {
		return
	}
	passed := 0
	for j.release.ready(appended) && j.release.seq <= upTo {
		passed += recordSize(len(j.release.step()))
	}
	j.released.Add(int64(passed))
	j.releasePin.Store(j.release.seg)
	j.sweep(j.keepBytes)
}

// Released returns the number of the last record that recovery does not need.
func (j *Journal) Released() uint64 {
	j.releasing.Lock()
	defer j.releasing.Unlock()
	return j.release.seq - 1
}

// sweep keeps so many bytes of the segments that all readers have left, and frees the
// older ones. The files of a closed journal stay. The caller holds releasing.
func (j *Journal) sweep(keep int64) {
	free, released, closed := j.detach(keep)
	for _, s := range released {
		j.keep(s)
	}
	for _, s := range free {
		if closed {
			s.unmap()
		} else {
			j.discard(s)
		}
	}
}

// discard deletes a segment that nobody needs. If that fails the file costs room until
// the next Open, and no more.
func (j *Journal) discard(s *segment) {
	if err := s.remove(); err != nil {
		j.log.Warn("journal: segment not removed", "err", err)
	}
}

// detach takes the segments out of the log that lie before all readers and are too many
// to be kept. It returns those that no subscriber looks at, and those that are kept from
// now on.
func (j *Journal) detach(keep int64) (free, released []*segment, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		keep = 0
	}
	first, kept := j.neededLocked(), int64(0)
	for s := j.oldest; s != first; s = s.next.Load() {
		kept += j.roomOf(s)
	}
	for ; j.oldest != first && kept > keep; j.oldest = j.oldest.next.Load() {
		kept -= j.roomOf(j.oldest)
		j.oldest.gone.Store(true)
		j.leaving = append(j.leaving, j.oldest)
	}
	for s := j.oldest; s != first; s = s.next.Load() {
		if !s.kept {
			s.kept, s.last = true, s.next.Load().follows
			released = append(released, s)
		}
	}
	j.kept.Store(kept)
	return j.leftLocked(), released, j.closed
}

// neededLocked returns the oldest segment that recovery, the sync or a reader needs; nil
// if none does.
func (j *Journal) neededLocked() (first *segment) {
	for p := range j.pins {
		if s := p.Load(); !s.gone.Load() && (first == nil || s.order < first.order) {
			first = s
		}
	}
	return first
}

// leftLocked takes out of leaving what no subscriber looks at.
func (j *Journal) leftLocked() (free []*segment) {
	j.leaving = slices.DeleteFunc(j.leaving, func(s *segment) bool {
		for _, pins := range []map[*pin]struct{}{j.looking, j.pins} {
			for p := range pins {
				if at := p.Load(); at == s || at != nil && at.gone.Load() && at.order < s.order {
					return false
				}
			}
		}
		free = append(free, s)
		return true
	})
	return free
}

func (j *Journal) pinLocked(s *segment) *pin {
	p := new(pin)
	p.Store(s)
	j.pins[p] = struct{}{}
	return p
}

// unpin lets go of segments. An open journal frees them with the next release.
func (j *Journal) unpin(p *pin) {
	j.mu.Lock()
	delete(j.pins, p)
	delete(j.looking, p)
	closed := j.closed
	j.mu.Unlock()
	if closed {
		j.releasing.Lock()
		defer j.releasing.Unlock()
		j.sweep(0)
	}
}
