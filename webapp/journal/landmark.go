package journal

import (
	"cmp"
	"slices"
)

// landmark is where a record begins in its segment. Subscribers leave landmarks behind them, so
// that the next one does not step through a whole segment to where it wants to be: that
// takes 10 ms for a full one, and a server may have a thousand of them at once.
type landmark struct {
	seq    uint64
	offset int
}

// landmarkEvery is the distance between two landmarks, in records: a subscriber steps over as many
// in well under 100 us.
const landmarkEvery = 4096

func byLandmark(p landmark, seq uint64) int { return cmp.Compare(p.seq, seq) }

// goToLocked goes to the last place that is not after the record, which is in the segment or
// the next to come there.
func (c *cursor) goToLocked(seq uint64) {
	landmarks := c.seg.landmarks
	i, found := slices.BinarySearchFunc(landmarks, seq, byLandmark)
	if !found {
		i--
	}
	if i >= 0 {
		c.seq, c.offset = landmarks[i].seq, landmarks[i].offset
	}
}

// leaveLandmark notes where the subscriber is, now and then.
func (s *Subscriber) leaveLandmark() {
	if s.seq < s.marked+landmarkEvery {
		return
	}
	s.marked = s.seq
	s.j.mu.Lock()
	defer s.j.mu.Unlock()
	landmarks := s.seg.landmarks
	i, _ := slices.BinarySearchFunc(landmarks, s.seq, byLandmark)
	if i > 0 && s.seq-landmarks[i-1].seq < landmarkEvery || i < len(landmarks) && landmarks[i].seq-s.seq < landmarkEvery {
		return // another one was here
	}
	s.seg.landmarks = slices.Insert(landmarks, i, landmark{s.seq, s.offset})
}
