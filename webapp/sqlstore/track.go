package sqlstore

import "isuride/webapp/isuride"

// Track is what the position reports of one chair come to (spec 2.4).
type Track struct {
	Last  isuride.Coordinate
	Total int64        // sum of the distances between consecutive reports
	At    isuride.Time // time of the last report
}

// add appends a report; the first one adds no distance.
func (t *Track) add(to isuride.Coordinate, at isuride.Time) {
	if t.At != 0 {
		t.Total += int64(t.Last.Distance(to))
	}
	t.Last, t.At = to, at
}
