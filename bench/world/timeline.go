package world

import "fmt"

// timelineLength is the number of moments an entity remembers: more than one ride has.
const timelineLength = 16

// A moment is something an entity did or learned. The text is a constant, so noting one
// costs no allocation.
type moment struct {
	at     Instant
	tick   int32
	text   string
	ride   *ride  // nil if none was concerned
	status Status // StatusUnknown if none was concerned
}

// A timeline is the recent past of one entity, for the reader of a complaint. The zero
// value is empty.
type timeline struct {
	ring [timelineLength]moment
	n    int // moments ever noted
}

func (t *timeline) note(m moment) {
	t.ring[t.n%timelineLength] = m
	t.n++
}

// lines renders the moments, oldest first, with times relative to since.
func (t *timeline) lines(since Instant) []string {
	var lines []string
	for i := max(0, t.n-timelineLength); i < t.n; i++ {
		lines = append(lines, t.ring[i%timelineLength].line(since))
	}
	return lines
}

func (m moment) line(since Instant) string {
	s := fmt.Sprintf("%8.3f s  tick %4d  %s", float64(m.at-since)/float64(Second), m.tick, m.text)
	if m.status != StatusUnknown {
		s += " " + m.status.String()
	}
	if m.ride != nil {
		s += "  ride " + m.ride.id
	}
	return s
}
