package feed

import (
	"fmt"
	"maps"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/snapshot"
	"isuride/webapp/state"
)

// snap writes a snapshot as the engine does; the town goes on meanwhile.
func (w *town) snapshot() snapshot.Header {
	w.t.Helper()
	info, err := snapshot.Write(w.dir, snapshot.Header{History: w.options.History, Generation: w.source.Epoch, Written: w.read()},
		func(add func(*state.Image) error) (snapshot.End, error) {
			n := 0
			span, err := w.store.Walk(func(i *state.Image) error {
				if n++; n%5 == 0 {
					w.act(1)
				}
				return add(i)
			})
			return snapshot.End{Span: span}, err
		})
	w.must(err)
	return info.Header
}

// moments are a town's tables after each of some events.
type moments struct {
	*reader
	at map[uint64]map[string]map[string]string
}

// note drains the reader and keeps its copy.
func (m *moments) note() uint64 {
	m.settle()
	tables := map[string]map[string]string{}
	for name, rows := range m.copy.tables {
		tables[name] = maps.Clone(rows)
	}
	seq := m.copy.Position().Seq
	m.at[seq] = tables
	return seq
}

// TestReplay: a subscription since an event begins with the tables as they were after it, and
// ends where everybody is.
func TestReplay(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, *seed, 9)
		w.act(200)
		m := &moments{w.subscribe(Request{Tables: "users,owners,chairs,positions,rides,statuses,coupons,payments,city", Viewer: Viewer{Class: Operator}}),
			map[uint64]map[string]map[string]string{}}
		h := w.snapshot()
		for range 30 {
			w.act(10)
			m.note()
		}
		for seq, want := range m.at {
			since := m.request
			since.Since = strconv.FormatUint(seq, 10)
			if seq%2 == 0 && w.timeOf(seq) != 0 {
				since.Since = w.timeOf(seq).String()
			}
			r := w.subscribe(since)
			settleTime()
			r.expectFirst(seq, want)
			r.settle()
			r.expectFresh()
			r.conn.Close()
		}
		r := w.subscribe(Request{Tables: "city", Since: fmt.Sprint(h.Span.To - 1)})
		r.expectStory("before the snapshot", "error 0not_kept")
		r.conn.Close()
	})
}

// timeOf returns an event's time if no event after it has the same one or an earlier one.
func (w *town) timeOf(seq uint64) isuride.Time {
	from, err := w.source.Journal.ReadFrom(seq)
	w.must(err)
	defer from.Close()
	var d isuride.Decoder
	at := isuride.Time(0)
	for n, payload, ok := from.Next(); ok; n, payload, ok = from.Next() {
		e, err := d.Decode(payload)
		w.must(err)
		switch {
		case n == seq:
			at = e.At()
		case e.At() <= at || e.At() == 0:
			return 0
		}
	}
	return at
}

// expectFirst reads the first group.
func (r *reader) expectFirst(seq uint64, want map[string]map[string]string) {
	r.w.t.Helper()
	for r.copy.Position() == (Position{}) {
		if !r.next() {
			r.w.t.Fatalf("since %s there is no whole group; %+v", r.request.Since, r.failed)
		}
	}
	if got := r.copy.Position().Seq; got != seq {
		r.w.t.Fatalf("since %s begins at %d, want %d", r.request.Since, got, seq)
	}
	for name := range want {
		if !maps.Equal(r.copy.Rows(name), want[name]) {
			r.w.t.Fatalf("since %s, %s:\n%s", r.request.Since, name, difference(r.copy.Rows(name), want[name]))
		}
	}
}

// TestReplaySpeed: events come at the distance they had, or faster by a factor, and then as
// they happen.
func TestReplaySpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		begin := w.snapshot().Span.To
		for i := range 10 {
			w.mu.Lock()
			w.now += isuride.Time(10 * time.Second / time.Microsecond)
			w.mu.Unlock()
			w.report(c, isuride.Coordinate{Latitude: int32(i)})
		}
		r := w.subscribe(Request{Tables: "positions", Since: fmt.Sprint(begin), Speed: "5", Viewer: Viewer{Class: Operator}})
		defer r.conn.Close()
		began := time.Now()
		for i := range 10 {
			r.frames = nil
			for time.Since(began) < time.Duration(i)*2*time.Second+1900*time.Millisecond {
				time.Sleep(50 * time.Millisecond)
				r.drain()
			}
			got := 0
			for _, f := range r.frames {
				if f.Action == Update {
					got++
				}
			}
			if i > 0 && got != 1 {
				t.Errorf("%d updates between second %d and the next two", got, 2*i)
			}
		}
		w.report(c, isuride.Coordinate{Latitude: 77})
		r.expectFresh()
	})
}

// TestReplayOfWhatIsGone: the log must reach back to the snapshot.
func TestReplayOfWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, c := one(t)
		w.options.Keep, w.options.SyncInterval = 0, time.Second
		w.restart()
		c, _ = w.store.ChairByID(c.ID)
		at := w.snapshot().Span.To
		r := w.subscribe(Request{Tables: "city"})
		r.settle()
		old := r.copy.Position()
		for i := range 5000 {
			w.report(c, isuride.Coordinate{Latitude: int32(i)})
		}
		settleTime() // the sync needs the log, too
		w.source.Journal.Release(w.source.Journal.Appended())
		again := w.subscribe(Request{Tables: "city", Since: fmt.Sprint(at + 1)})
		again.expectStory("since", "error 0not_kept")
		late := w.subscribe(Request{Tables: "city", Resume: old.String()})
		late.expectStory("resume", "city partial 1too_old")
		late.expectFresh()
		r.expectFresh()
	})
}
