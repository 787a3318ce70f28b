package feed

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"isuride/webapp/isuride"
)

// waker is a reader that counts how often it was woken, and when last. To drain it orders that before a look.
type waker struct {
	*reader
	wakes int
	last  time.Time
}

func (w *town) waker(r Request) *waker {
	k := &waker{}
	k.reader = &reader{w: w, request: r, conn: w.feed.Open(func() { k.wakes, k.last = k.wakes+1, time.Now() })}
	k.conn.Subscribe(r)
	return k
}

// fresh forgets what came so far; nothing comes right after it, since a heartbeat was the last thing.
func fresh(readers ...*waker) {
	time.Sleep(1300 * time.Millisecond)
	for _, k := range readers {
		k.drain()
		k.frames, k.wakes = nil, 0
	}
}

// TestInterval: in an interval a reader is woken once, for one group with what happened in it, of each
// position the newest.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		r := w.waker(Request{Tables: "chairs,positions", Interval: "100", Viewer: Viewer{Class: Operator}})
		defer r.conn.Close()
		fresh(r)
		w.report(c, isuride.Coordinate{Latitude: 1000}) // the first in a while comes at once
		time.Sleep(time.Millisecond)
		r.expectStory("the first", "positions update 1")
		fresh(r)
		w.report(c, isuride.Coordinate{Latitude: 2000})
		for n := range 30 {
			time.Sleep(time.Millisecond)
			w.report(c, isuride.Coordinate{Latitude: int32(n)})
			if n == 15 {
				w.must(w.store.SetActivity(c, false))
			}
		}
		r.drain()
		r.frames = nil
		began := time.Now()
		time.Sleep(300 * time.Millisecond)
		r.drain() // before the counts, which belong to the connection's lock
		if took := r.last.Sub(began); took <= 0 || took > 100*time.Millisecond || r.wakes != 2 {
			t.Errorf("the rest of the interval came after %v, and the reader was woken %d times, want 2", took, r.wakes)
		}
		rows := r.rows()
		if len(rows) != 2 || !strings.Contains(rows[0], `"is_active":false`) || !strings.Contains(rows[1], `"latitude":29`) {
			t.Errorf("in the interval came %q, want the state and the last of 30 places", rows)
		}
		r.expectNoPartial()
	})
}

func (r *reader) rows() (rows []string) {
	for _, f := range r.frames {
		for _, row := range f.Data {
			rows = append(rows, string(row))
		}
	}
	return rows
}

// TestAudience: readers of the same rows with the same interval are woken together, however they came, for
// rows that were put together once; one that came in the middle of an interval gets nothing twice.
func TestAudience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, u, c := one(t)
		var readers []*waker
		for n := range 4 {
			interval := "100"
			if n == 3 {
				interval = "250" // another audience
			}
			r := w.waker(Request{Name: fmt.Sprint("reader ", n), Tables: "city", Interval: interval})
			defer r.conn.Close()
			readers = append(readers, r)
			time.Sleep(37 * time.Millisecond)
			w.report(c, isuride.Coordinate{Latitude: int32(100 * n)}) // some gather while others join
		}
		if n := len(w.feed.hub.shared); n != 2 {
			t.Errorf("there are %d audiences, want 2", n)
		}
		fresh(readers...)
		sent := make([][]*byte, len(readers))
		for n := range 60 { // six intervals
			w.report(c, isuride.Coordinate{Latitude: int32(10 * n)})
			if n%10 == 0 {
				w.ride(u, c)
			}
			time.Sleep(10 * time.Millisecond)
			for i, r := range readers {
				sent[i] = append(sent[i], r.texts()...)
				r.drain()
			}
		}
		first, other := readers[0], readers[3]
		for i, r := range readers[:3] {
			if r.wakes != first.wakes || r.last != first.last {
				t.Errorf("%s was woken %d times, last at %v; %s %d times, at %v", r.request.Name, r.wakes, r.last, first.request.Name, first.wakes, first.last)
			}
			if !slices.Equal(sent[i], sent[0]) {
				t.Errorf("%s and %s are sent texts of their own", r.request.Name, first.request.Name)
			}
		}
		if len(sent[0]) < 10 || other.wakes >= first.wakes || first.wakes > 8 {
			t.Errorf("in 600 ms, with a heartbeat, readers with 100 ms were woken %d times for %d texts, with 250 ms %d times", first.wakes, len(sent[0]), other.wakes)
		}
		for _, r := range readers {
			r.expectFresh()
		}
	})
}

// texts are where the rows that wait for the reader are in memory.
func (r *reader) texts() (at []*byte) {
	r.conn.mu.Lock()
	defer r.conn.mu.Unlock()
	for _, e := range r.conn.queue.entries[r.conn.queue.head:] {
		at = append(at, unsafe.SliceData(e.text))
	}
	return at
}

// TestGroupOfAnInterval: rows come by what happens to them, in three frames of a table at most, unless one
// goes and comes again.
func TestGroupOfAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, u, c := one(t)
		r := w.waker(Request{Tables: "city,payments", Interval: "100", Viewer: Viewer{Class: Operator}})
		defer r.conn.Close()
		fresh(r)
		// begin has one change come at once, as the first in a while: what follows gathers.
		begin := func() {
			w.report(c, isuride.Coordinate{Latitude: 50})
			time.Sleep(time.Millisecond)
			r.drain()
			r.frames = nil
		}
		begin()
		for range 3 {
			w.ride(u, c)
		}
		r.expectStory("three rides", "city insert 3 more", "payments insert 3 more", "city update 16 more", "payments update 3 more", "city delete 3")
		ride := w.drive(u, c)
		r.story()
		begin()
		for range 2 {
			ch, _, err := w.store.BeginCharge(u, ride.ID, 4)
			w.must(err)
			w.store.Abandon(ch, isuride.Errorf(isuride.PaymentFailed, "no"))
		}
		r.expectStory("two payments that fail", "payments insert 1 more", "payments delete 1 more", "payments insert 1 more", "payments delete 1")
		r.expectFresh()
	})
}

// TestSlowReaderOfIntervals: to one that does not read, positions are merged as to any other, and
// everything else comes.
func TestSlowReaderOfIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		r := w.waker(Request{Tables: "chairs,positions", Interval: "10", Viewer: Viewer{Class: Operator}})
		defer r.conn.Close()
		fresh(r)
		for n := range 4000 {
			w.report(c, isuride.Coordinate{Latitude: int32(n)})
			if n%1000 == 0 {
				w.must(w.store.SetActivity(c, n%2000 != 0))
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := r.waiting(); n > 2*mergeFrom || r.conn.strikes != 0 {
			t.Errorf("%d bytes wait, although one chair has moved; %d strikes", n, r.conn.strikes)
		}
		r.drain()
		if n := strings.Count(strings.Join(r.rows(), "\n"), "is_active"); n != 4 {
			t.Errorf("%d changes of the chair came, want 4", n)
		}
		r.expectFresh()
	})
}
