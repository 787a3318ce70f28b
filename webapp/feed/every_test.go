package feed

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
)

// TestEvery: a reader that asked for every report gets each, alone, although it is slower than
// the chairs, and over the end of a generation's log.
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		r := w.subscribe(Request{Tables: "positions,statuses", Viewer: Viewer{Class: Operator}, Every: true})
		r.settle()
		r.frames = nil
		const reports = 5000
		first := w.source.Journal.Watermark() + 1
		for i := range reports {
			w.report(c, isuride.Coordinate{Latitude: int32(i)})
			if i%500 == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		}
		if n := r.waiting(); n > maxWaiting {
			t.Errorf("%d bytes wait", n)
		}
		r.settle()
		w.reopen()
		c, _ = w.store.ChairByID(c.ID)
		w.report(c, isuride.Coordinate{Latitude: reports})
		r.settle()
		next := first
		for i := range r.frames {
			f := &r.frames[i]
			if f.Action == Heartbeat {
				continue
			}
			if f.Action != Update || len(f.Data) != 1 || f.Seq != next || f.More {
				t.Fatalf("frame %s of %d; want one report, %d", summary(f), f.Seq, next)
			}
			next++
		}
		if got := next - first; got != reports+1 {
			t.Errorf("%d reports came; want %d", got, reports+1)
		}
		r.expectFresh()
	})
}

// TestEveryIsForOperators refuses it to others.
func TestEveryIsForOperators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, u, _ := one(t)
		r := w.subscribe(Request{Tables: "rides", Viewer: Viewer{User, u.ID}, Every: true})
		settleTime()
		r.drain()
		if len(r.failed) != 1 || r.failed[0].Code != NoRight || !strings.Contains(r.failed[0].Text, "operator") {
			t.Errorf("the answer is %+v", r.failed)
		}
	})
}

// TestEveryTooOld: who is further behind than the log is kept gets a snapshot, which says so.
func TestEveryTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		w.options.Keep, w.options.SyncInterval = 0, time.Second
		w.restart()
		c, _ = w.store.ChairByID(c.ID)
		r := w.subscribe(Request{Tables: "positions", Viewer: Viewer{Class: Operator}, Every: true})
		r.settle()
		r.conn.Close()
		for range 5000 { // more than a segment
			w.report(c, isuride.Coordinate{Latitude: 1})
		}
		settleTime() // the sync needs the log, too
		w.source.Journal.Release(w.source.Journal.Appended())
		r.frames = nil
		r.reconnect()
		r.settle()
		if f := &r.frames[0]; f.Action != Partial || f.Reason != TooOld {
			t.Errorf("the first frame is %s", summary(f))
		}
		r.expectFresh()
	})
}
