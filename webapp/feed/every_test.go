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
