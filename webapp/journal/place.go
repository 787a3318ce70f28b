package journal

import (
	"cmp"
	"slices"
)

// place is where a record begins in its segment. Subscribers leave places behind them, so
// that the next one does not step through a whole segment to where it wants to be: that
// takes 10 ms for a full one, and a server may have a thousand of them at once.
type place struct {
	seq    uint64
	offset int
}

// placeEvery is the distance between two places, in records: a subscriber steps over as many
// in well under 100 us.
const placeEvery = 4096

func byPlace(p place, seq uint64) int { return cmp.Compare(p.seq, seq) }

// goToLocked goes to the last place that is not after the record, which is in the segment or
// the next to come there.
func (c *cursor) goToLocked(seq uint64) {
	places := c.seg.places
	i, found := slices.BinarySearchFunc(places, seq, byPlace)
	if !found {
		i--
	}
	if i >= 0 {
		c.seq, c.offset = places[i].seq, places[i].offset
	}
}

// leavePlace notes where the subscriber is, now and then.
func (s *Subscriber) leavePlace() {
	if s.seq < s.placed+placeEvery {
		return
	}
	s.placed = s.seq
	s.j.mu.Lock()
	defer s.j.mu.Unlock()
	places := s.seg.places
	i, _ := slices.BinarySearchFunc(places, s.seq, byPlace)
	if i > 0 && s.seq-places[i-1].seq < placeEvery || i < len(places) && places[i].seq-s.seq < placeEvery {
		return // another one was here
	}
	s.seg.places = slices.Insert(places, i, place{s.seq, s.offset})
}
