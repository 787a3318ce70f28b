package feed

import (
	"context"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"

	"isuride/webapp/journal"
)

// sum is a checksum that waits for its place among a subscription's frames.
type sum struct {
	s     *sub
	table tableID
	at    uint64
	text  []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC32C of the rows, sorted, each with a newline behind it. A row is the text
// of its object as it was inserted, with updated columns in their places.
func checksum[T ~string | ~[]byte](rows []T) (sum uint32) {
	slices.SortFunc(rows, func(a, b T) int { return compareText(a, b) })
	for _, row := range rows {
		sum = crc32.Update(sum, castagnoli, []byte(row))
		sum = crc32.Update(sum, castagnoli, []byte{'\n'})
	}
	return sum
}

func compareText[T ~string | ~[]byte](a, b T) int {
	if string(a) < string(b) {
		return -1
	}
	return 1
}

// Checksum asks for the checksum of a table of a subscription, which comes as a frame: it is
// of the subscription's rows as of the frame's seq.
func (c *Conn) Checksum(name, tableName string) {
	c.mu.Lock()
	s := c.subs[name]
	c.mu.Unlock()
	if s == nil {
		c.Refuse(c.unknownName(name))
		return
	}
	for _, t := range s.order {
		if tables[t].name == tableName && !tables[t].log && !tables[t].live {
			c.feed.fillers.Go(func() { s.sum(t) })
			return
		}
	}
	err := refuse(NoChecksum, "there is no checksum of %.60q; the subscription has to include the table, and a table of which rows are only ever inserted has none, nor has server", tableName)
	err.Sub, err.Table = name, tableName
	c.Refuse(err)
}

// sum makes the checksum of a table and finds its place. One is made at a time, since it
// takes the memory of the table.
func (s *sub) sum(t tableID) {
	f := s.conn.feed
	select {
	case f.summing <- struct{}{}:
	case <-s.ctx.Done():
		return
	}
	defer func() { <-f.summing }()
	if err := s.makeSum(t); err != nil && s.ctx.Err() == nil {
		f.opt.Log.Warn("a checksum of the feed cannot be made", "table", tables[t].name, "err", err)
		refused := refuse(NoChecksum, "the checksum of table %s cannot be made now; ask again when the subscription is complete", tables[t].name)
		refused.Sub, refused.Table = s.name, tables[t].name
		s.conn.Refuse(refused)
	}
}

func (s *sub) makeSum(t tableID) error {
	f := s.conn.feed
	source, ok := f.await(s.ctx, Source{})
	if !ok {
		return s.ctx.Err()
	}
	one := &scope{viewer: s.viewer, tables: 1 << t, order: []tableID{t}, terms: s.terms}
	g := newGathering(source, one)
	at, reader, err := f.take(s.ctx, source, one, g)
	if err != nil {
		return err
	}
	defer reader.Close()
	return s.placeSum(source, t, g, reader, at)
}

// placeSum brings the rows to where the subscription is, or beyond.
func (s *sub) placeSum(source Source, t tableID, g *gathering, reader *journal.Subscriber, at uint64) error {
	for {
		seq, payload, ok := reader.Next()
		if !ok {
			if s.conn.feed.hub.expect(&sum{s, t, at, g.sum()}, source) {
				return nil
			}
			limited, cancel := context.WithTimeout(s.ctx, retryPause)
			err := reader.Wait(limited)
			over := limited.Err() != nil
			cancel()
			if err != nil && !over {
				return err
			}
			if err := s.ctx.Err(); err != nil {
				return err
			}
			continue
		}
		if at = seq; journal.IsMark(payload) {
			continue
		}
		changes, when, err := g.t.event(payload)
		if err != nil {
			return err
		}
		for i := range changes {
			if c := &changes[i]; g.scope.holds(c) {
				if err := g.delta(c, when); err != nil {
					return err
				}
			}
		}
	}
}

// sum returns the row of the frame.
func (g *gathering) sum() []byte {
	rows := make([][]byte, 0, len(g.rows))
	for r := range maps.Values(g.rows) {
		rows = append(rows, r.text)
	}
	text := strconv.AppendInt([]byte(`{"rows":`), int64(len(rows)), 10)
	text = append(text, `,"crc32c":"`...)
	text = appendHex32(text, checksum(rows))
	return append(text, `"}`...)
}

func appendHex32(dst []byte, n uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[n>>shift&15])
	}
	return dst
}

// expect sends a checksum once its subscription is at the event. It reports false if the
// subscription is beyond it, or not up to date at all.
func (h *hub) expect(w *sum, source Source) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !w.s.live() || !h.source.same(&source) || max(h.seq, w.s.after) > w.at {
		return false
	}
	h.sums = append(h.sums, w)
	h.sumsLocked()
	h.wakeLocked()
	return true
}

// sumsLocked sends the checksums whose event is there.
func (h *hub) sumsLocked() {
	h.sums = slices.DeleteFunc(h.sums, func(w *sum) bool {
		if w.at > h.seq {
			return false
		}
		if w.s.live() {
			h.flushLocked(w.s.audience)
		}
		c := w.s.conn
		c.mu.Lock()
		defer c.mu.Unlock()
		if w.s.live() && !c.ending {
			c.pushLocked(entry{sub: w.s, kind: ofSum, action: Checksum, table: w.table, epoch: h.source.Epoch, seq: w.at, at: h.at, text: w.text})
			h.dirty[c] = struct{}{}
		}
		return true
	})
}
