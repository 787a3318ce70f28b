package journal

import "fmt"

// Release says that no record up to the given one is needed any more. Segments without
// other records are deleted, once open readers have left them.
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
	j.sweep()
}

// sweep frees the segments that all readers have left. The files of a closed journal
// stay.
func (j *Journal) sweep() {
	gone, closed := j.detach()
	for _, s := range gone {
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

// detach takes the segments out of the log that lie before all readers.
func (j *Journal) detach() (gone []*segment, closed bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var first *segment
	for p := range j.pins {
		if s := p.Load(); first == nil || s.first < first.first {
			first = s
		}
	}
	for j.oldest != first {
		gone = append(gone, j.oldest)
		j.oldest = j.oldest.next.Load()
	}
	return gone, j.closed
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
	closed := j.closed
	j.mu.Unlock()
	if closed {
		j.sweep()
	}
}
