package state

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"isuride/tools/dev/allocs"
	"isuride/webapp/isuride"
)

// discard is a log that keeps nothing.
type discard struct{ n uint64 }

func (d *discard) AppendNoted(_ []byte, note interface{ Recorded(uint64) }) (uint64, error) {
	d.n++
	note.Recorded(d.n)
	return d.n, nil
}

func (d *discard) Appended() uint64 { return d.n }

func (d *discard) Hold(f func(uint64)) { f(d.n) }

// riding is a chair on its way to a far pickup point.
func (b *fixture) riding() *Chair {
	c := b.chair(isuride.Coordinate{})
	r, err := b.RequestRide(b.user(""), isuride.Coordinate{Latitude: 1 << 20}, isuride.Coordinate{})
	b.must(err)
	b.assign(r, c)
	b.must(b.Advance(c, r.ID, isuride.Enroute))
	return c
}

func BenchmarkReport(b *testing.B) {
	w := newFixture(b)
	c := w.riding()
	w.opt.Log = &discard{}
	b.ReportAllocs()
	for i := int32(0); b.Loop(); i++ {
		w.Report(c, isuride.Coordinate{Latitude: i & 63})
	}
}

func TestReportDoesNotAllocate(t *testing.T) {
	w := newFixture(t)
	c := w.riding()
	w.opt.Log = &discard{}
	i := int32(0)
	if n := allocs.PerRun(1000, func() {
		i++
		w.Report(c, isuride.Coordinate{Latitude: i & 63})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkNearby walks 1,000 free chairs of a region, about 30 of which are in range.
func BenchmarkNearby(b *testing.B) {
	w := newFixture(b)
	random := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		w.chair(isuride.Coordinate{Latitude: random.Int32N(101) - 50, Longitude: random.Int32N(101) - 50})
	}
	found, rounds := 0, 0
	for b.Loop() {
		rounds++
		for range w.Nearby(isuride.Coordinate{Latitude: 5, Longitude: 5}, 12) {
			found++
		}
	}
	b.ReportMetric(float64(found)/float64(rounds), "chairs")
}

// BenchmarkReplay replays a log of rides with 54 reports each, as a run makes them.
func BenchmarkReplay(b *testing.B) {
	w := newFixture(b)
	c := w.chair(isuride.Coordinate{})
	for range 200 {
		u := w.user("")
		r := w.arrive(u, c, isuride.Coordinate{Latitude: 3}, isuride.Coordinate{Latitude: 30})
		for i := range int32(50) {
			w.report(c, isuride.Coordinate{Latitude: i})
		}
		w.complete(r, 5)
		w.read(u.Log.Open(func() {}), &u.Log, ToUser)
		w.read(c.Log.Open(func() {}), &c.Log, ToChair)
	}
	events := 0
	for b.Loop() {
		s := New(w.options(), &w.base, nil)
		r := NewRecovery(s, 0)
		for i, payload := range w.log.events {
			if err := r.Replay(uint64(i+1), payload); err != nil {
				b.Fatal(err)
			}
		}
		events += len(w.log.events)
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkFinishedRide tells what a completed ride takes in memory for ever, with all indexes:
// the bar is 300 bytes. (What one takes that was restored: BenchmarkRestore in webapp/snapshot.)
func BenchmarkFinishedRide(b *testing.B) {
	const rides = 50_000
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	w := newFixture(b)
	w.opt.Log = &discard{}
	users, chairs := make([]*User, rides/10), make([]*Chair, 100)
	for i := range users {
		users[i] = w.user("")
	}
	for i := range chairs {
		chairs[i] = w.chair(isuride.Coordinate{})
	}
	finish := func(i int) {
		u, c := users[i%len(users)], chairs[i%len(chairs)]
		w.complete(w.arrive(u, c, isuride.Coordinate{Latitude: 3}, isuride.Coordinate{Latitude: 30}), 5)
		for log, side := range map[*Log]Side{&u.Log: ToUser, &c.Log: ToChair} {
			stream := log.Open(func() {})
			w.read(stream, log, side)
			stream.Close()
		}
	}
	for i := range len(users) { // their logs have their last messages
		finish(i)
	}
	before := heap()
	for i := range rides {
		finish(i)
	}
	after := heap()
	for b.Loop() {
	}
	perRide := float64(after-before) / rides
	b.ReportMetric(perRide, "B/ride")
	if perRide > 300 {
		b.Errorf("a finished ride takes %.0f bytes", perRide)
	}
	runtime.KeepAlive(w)
}
