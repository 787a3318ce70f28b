package journal

// cursor is a position before one record of the log.
type cursor struct {
	seg    *segment
	offset int
	seq    uint64
}

// beginning returns a cursor before the first record.
func (s *segment) beginning() cursor {
	return cursor{seg: s, offset: s.start, seq: s.first}
}

// ready reports whether the record is there, given the number of the last record
// appended. That number must be loaded before the call: a reader that sees it also sees
// the segments before it sealed.
func (c *cursor) ready(appended uint64) bool {
	c.hop()
	return c.seq <= appended
}

// hop steps from the end of a sealed segment to the start of the next one.
func (c *cursor) hop() {
	for next := c.following(); next != nil; next = c.following() {
		*c = next.beginning()
	}
}

// following returns the segment after the cursor's, if that has no record after it any
// more. A cut takes the next segment away before it moves the end, so who sees the new end
// sees that.
func (c *cursor) following() *segment {
	next := c.seg.next.Load()
	if next == nil || c.offset != int(c.seg.stop.Load()) || c.seg.next.Load() != next {
		return nil
	}
	return next
}

// step passes the record and returns its payload.
func (c *cursor) step() []byte {
	payload := body(c.seg.data[c.offset:])
	c.offset += recordSize(len(payload))
	c.seq++
	return payload
}
