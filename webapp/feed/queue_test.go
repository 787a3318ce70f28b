package feed

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
)

func (r *reader) waiting() int {
	r.conn.mu.Lock()
	defer r.conn.mu.Unlock()
	return r.conn.queue.bytes
}

// TestPositionsMerge: to a reader that sleeps, positions come as the newest one of each
// chair, and every status comes.
func TestPositionsMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, u, c := one(t)
		r := w.subscribe(Request{Tables: "chairs,positions,rides,statuses,city", Viewer: Viewer{Class: Operator}})
		r.settle()
		r.frames = nil
		ride, err := w.store.RequestRide(u, isuride.Coordinate{Latitude: 10}, isuride.Coordinate{Latitude: 50})
		w.must(err)
		_, err = w.store.Assign(ride, c, nil)
		w.must(err)
		drive := func() {
			for i := range 4000 {
				w.report(c, isuride.Coordinate{Latitude: int32(100 + i)})
				if i%100 == 0 {
					time.Sleep(5 * time.Millisecond)
				}
			}
		}
		drive()
		w.must(w.store.Advance(c, ride.ID, isuride.Enroute))
		drive()
		w.report(c, ride.Pickup)
		r.conn.Checksum("", "positions")
		settleTime()
		w.must(w.store.Advance(c, ride.ID, isuride.Carrying))
		drive()
		w.report(c, ride.Destination)
		settleTime()
		if n := r.waiting(); n > 2*mergeFrom {
			t.Errorf("%d bytes wait, although one chair has moved", n)
		}
		r.settle()
		statuses, positions := 0, 0
		for _, f := range r.frames {
			switch f.Table {
			case "statuses":
				statuses += len(f.Data)
			case "positions":
				positions += len(f.Data)
			}
		}
		if statuses != 5 || positions > 1000 || r.sums != 1 {
			t.Errorf("%d statuses, %d positions, %d checksums; want 5, few, 1", statuses, positions, r.sums)
		}
		r.expectFresh()
		if r.conn.strikes != 0 {
			t.Errorf("the reader got %d strikes", r.conn.strikes)
		}
	})
}

// crowd registers users until much more than a queue may hold was made.
func (w *town) crowd() {
	for i := range 1500 {
		w.registerUser()
		if i%50 == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// TestSlowReader: states are never merged. Who does not read them gets a partial instead,
// twice, and is then told to go.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		r := w.subscribe(Request{Tables: "users,coupons", Viewer: Viewer{Class: Operator}})
		quick := w.subscribe(Request{Tables: "users", Viewer: Viewer{Class: Operator}})
		r.settle()
		for strike := range maxStrikes {
			r.frames = nil
			for range 2 {
				w.crowd()
				quick.settle()
				if n := r.waiting(); n > maxWaiting {
					t.Fatalf("%d bytes wait for a reader", n)
				}
			}
			if strike < maxStrikes-1 {
				r.settle()
				if f := &r.frames[0]; f.Action != Partial || f.Reason != TooSlow {
					t.Fatalf("after strike %d the first frame is %s", strike, summary(f))
				}
				r.expectFresh()
			}
		}
		r.drain()
		if last := r.frames[len(r.frames)-1]; !r.ended || last.Code != SlowReader || !strings.Contains(last.Text, "1 MiB") {
			t.Errorf("the last frame is %+v", last)
		}
		quick.expectFresh()
		got := w.feed.Stats()
		if got.Dropped != maxStrikes || got.Cut != 1 || got.Connections != 2 || got.Subscriptions != 2 || got.Behind != 0 || got.Frames == 0 || got.Bytes < got.Frames*50 ||
			got.Partials < 4 {
			t.Errorf("the figures are %+v", got)
		}
	})
}

// TestReaderThatNeverReads is cut while its partial is made, with no more than that in memory.
func TestReaderThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := one(t)
		w.crowd()
		w.crowd()
		r := w.subscribe(Request{Tables: "users,coupons", Viewer: Viewer{Class: Operator}})
		for range 4 {
			time.Sleep(patience / 3)
			if n := r.waiting(); n > fillTo+4*maxPiece {
				t.Fatalf("%d bytes wait", n)
			}
		}
		for m, ok := r.conn.Next(); ok; m, ok = r.conn.Next() {
			r.ended = m.Ends
		}
		if !r.ended {
			t.Error("the connection goes on")
		}
	})
}

// TestWakeups: a transport is woken once for a batch, and not again before it has looked.
func TestWakeups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		var woken atomic.Int64
		conn := w.feed.Open(func() { woken.Add(1) })
		defer conn.Close()
		conn.Subscribe(Request{Tables: "positions", Viewer: Viewer{Class: Operator}})
		drain := func() (rows, frames int) {
			for m, ok := conn.Next(); ok; m, ok = conn.Next() {
				rows += strings.Count(string(m.JSON), `"chair_id":`)
				frames++
			}
			return rows, frames
		}
		settleTime()
		drain()
		woken.Store(0)
		for i := range 200 {
			w.report(c, isuride.Coordinate{Latitude: int32(i)})
		}
		time.Sleep(100 * time.Millisecond)
		if rows, frames := drain(); rows != 200 || frames > 20 || woken.Load() != 1 {
			t.Errorf("%d rows in %d frames after %d wake-ups, want 200 in few after 1", rows, frames, woken.Load())
		}
	})
}

// TestMerge merges small queues. p is a position of chair a or b, s a status, h a heartbeat,
// c a checksum; numbers are those of events.
func TestMerge(t *testing.T) {
	s := &sub{scope: &scope{}}
	for before, want := range map[string]string{
		"pa1 pb2 pa3":          "pb2 pa3",
		"pa1 s2 pa3 s4 pa5":    "s2 s4 pa5",
		"pa1 h2 pb3":           "pa1 h2 pb3",
		"pa1 h2 pa3":           "pa3",        // at 2 the reader lacks what went
		"pa1 h2 pa3 h4":        "pa3",        // so it may do at 4, for all that is known here
		"h1 h2 h3":             "h3",         // the newest says it all
		"pa1 c2 pa3":           "pa1 c2 pa3", // what a checksum is about has to be there
		"pa1 pa2 c3 pa4 pa5":   "pa2 c3 pa5", // before it and behind it
		"s1 pa2 pb2 s2 pa3 s4": "s1 pb2 s2 pa3 s4",
	} {
		var q queue
		for _, word := range strings.Fields(before) {
			q.push(entryOf(s, word))
		}
		q.merge()
		var got []string
		bytes := 0
		for i := range q.entries {
			got = append(got, string(q.entries[i].text))
			bytes += q.entries[i].cost()
		}
		if strings.Join(got, " ") != want || bytes != q.bytes {
			t.Errorf("%s becomes %s of %d bytes, want %s of %d", before, got, q.bytes, want, bytes)
		}
	}
}

func entryOf(s *sub, word string) entry {
	e := entry{sub: s, seq: uint64(word[len(word)-1] - '0'), text: []byte(word)}
	switch word[0] {
	case 'p':
		e.table, e.action, e.merges, e.key = positions, Update, true, word[1:2]
	case 's':
		e.table, e.action = statuses, Update
	case 'h':
		e.kind, e.action = ofBeat, Heartbeat
	case 'c':
		e.kind, e.action = ofSum, Checksum
	}
	return e
}

// TestSumsWaitForTheirEvent: a checksum goes neither before nor behind its place.
func TestSumsWaitForTheirEvent(t *testing.T) {
	f := New(Options{})
	c := &Conn{feed: f, wake: func() {}}
	s := &sub{scope: &scope{}, conn: c, audience: &audience{}}
	h := f.hub
	h.seq, s.after = 7, 9
	for at, want := range map[uint64]bool{6: false, 7: false, 8: false, 9: true} {
		if got := h.expect(&sum{s: s, at: at}, Source{}); got != want {
			t.Errorf("a checksum at 0%d of a hub at 7 and a reader at 9: %v, want %v", at, got, want)
		}
	}
	if !c.queue.empty() {
		t.Error("it is sent before its event")
	}
	h.seq = 9
	h.sumsLocked()
	if c.queue.empty() || c.queue.entries[0].seq != 9 || len(h.sums) != 0 {
		t.Errorf("at its event there is %+v", c.queue.entries)
	}
}
