package feed

import (
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// fleet is a town with many chairs.
func fleet(b *testing.B, n int) (w *town, chairs []*state.Chair) {
	w = newTown(b, 1, 1)
	w.options.Keep, w.options.SegmentBytes, w.options.SyncInterval = 256<<20, 64<<20, 100*time.Millisecond
	w.restart()
	w.registerOwner()
	for range n {
		c, err := w.store.RegisterChair(w.owners[0], "chair", "fast")
		w.must(err)
		w.must(w.store.SetActivity(c, true))
		chairs = append(chairs, c)
	}
	return w, chairs
}

// sink reads a subscription and throws the frames away, as fast as they come.
type sink struct {
	conn   *Conn
	woken  chan struct{}
	ended  chan struct{}
	seq    atomic.Uint64 // of the last whole group
	bytes  atomic.Int64
	frames atomic.Int64
	wakes  atomic.Int64
	over   atomic.Bool // there will be no more
	see    func(Message)
}

func (w *town) sink(r Request, see func(Message)) *sink {
	s := &sink{woken: make(chan struct{}, 1), ended: make(chan struct{}), see: see}
	s.conn = w.feed.Open(func() {
		s.wakes.Add(1)
		select {
		case s.woken <- struct{}{}:
		default:
		}
	})
	s.conn.Subscribe(r)
	go s.read()
	return s
}

func (s *sink) read() {
	for {
		for m, ok := s.conn.Next(); ok; m, ok = s.conn.Next() {
			s.bytes.Add(int64(len(m.JSON)))
			s.frames.Add(1)
			if m.Ends {
				s.over.Store(true)
			}
			if s.see != nil {
				s.see(m)
			}
			if m.Whole {
				s.seq.Store(m.Position.Seq)
			}
		}
		select {
		case <-s.woken:
		case <-s.ended:
			return
		}
	}
}

// until waits until the reader has an event; it is awake for every frame. One that was too slow
// thrice, on a machine with other work, has no end to wait for.
func (s *sink) until(seq uint64) {
	for s.seq.Load() < seq {
		if s.over.Load() {
			panic("the reader was cut off: nothing can be measured beside other work")
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *sink) end() {
	s.conn.Close()
	close(s.ended)
}

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLatency is the time from the commit of an event until a reader of everything has
// it, at 20,000 events a second.
func BenchmarkLatency(b *testing.B) {
	w, chairs := fleet(b, 2000)
	recorded := make([]time.Time, b.N+len(chairs)*3+100)
	var mu sync.Mutex
	var took []time.Duration
	begun, had := atomic.Bool{}, uint64(0)
	s := w.sink(Request{Tables: allTables, Viewer: Viewer{Class: Operator}}, func(m Message) {
		if !m.Whole || !begun.Load() {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for ; had < m.Position.Seq; had++ { // a frame may be about many events
			if at := recorded[had+1]; !at.IsZero() {
				took = append(took, time.Since(at))
			}
		}
	})
	defer s.end()
	s.until(w.source.Journal.Appended())
	begun.Store(true)
	b.ResetTimer()
	began := time.Now()
	for i := range b.N {
		for time.Since(began) < time.Duration(i)*50*time.Microsecond {
			time.Sleep(50 * time.Microsecond)
		}
		mu.Lock()
		recorded[w.source.Journal.Appended()+1] = time.Now()
		mu.Unlock()
		w.report(chairs[i%len(chairs)], isuride.Coordinate{Latitude: int32(i % 300)})
	}
	s.until(w.source.Journal.Appended())
	b.StopTimer()
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "events/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// BenchmarkEvent is the CPU time of a position report, without a reader, with one of everything,
// with a page that shows the city, with 100 readers of one chair each, and with 100 users who follow
// their rides.
func BenchmarkEvent(b *testing.B) {
	for _, x := range []struct {
		name    string
		readers int
	}{{"unused", 0}, {"full", 1}, {"page", 1}, {"filtered100", 100}, {"accounts100", 100}} {
		b.Run(x.name, func(b *testing.B) {
			w, chairs := fleet(b, 2000)
			var sinks []*sink
			for i := range x.readers {
				r := Request{Tables: allTables, Viewer: Viewer{Class: Operator}}
				switch x.name {
				case "page":
					r = Request{Tables: "city", Interval: "100"}
				case "filtered100":
					r = Request{Tables: "positions", Filter: "chair_id=" + chairs[i].ID, Viewer: r.Viewer}
				case "accounts100":
					w.registerUser()
					r = Request{Tables: "rides,statuses", Viewer: Viewer{User, w.userIDs[len(w.userIDs)-1]}}
				}
				sinks = append(sinks, w.sink(r, nil))
			}
			for _, s := range sinks {
				defer s.end()
				s.until(w.source.Journal.Appended())
			}
			b.ReportAllocs()
			b.ResetTimer()
			before, began := cpu(), time.Now()
			for i := range b.N {
				if i%40 == 0 { // 20,000 a second, in steps of 2 ms
					time.Sleep(time.Until(began.Add(time.Duration(i) * 50 * time.Microsecond)))
				}
				w.report(chairs[i%len(chairs)], isuride.Coordinate{Latitude: int32(i % 300)})
			}
			for _, s := range sinks {
				s.until(w.source.Journal.Appended()) // by the next heartbeat at the latest
			}
			b.ReportMetric(float64((cpu()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkPages is the CPU time of a ride and 30 reports of positions at 250 rides a second, for no page
// that shows the city, one, and three; and what each page gets.
func BenchmarkPages(b *testing.B) {
	for _, pages := range []int{0, 1, 3} {
		b.Run(strconv.Itoa(pages), func(b *testing.B) {
			w, chairs := fleet(b, 750)
			for _, c := range chairs {
				w.report(c, isuride.Coordinate{})
			}
			var users []*state.User
			for range 500 {
				w.registerUser()
				u, _ := w.store.UserByToken([]byte(w.users[len(w.users)-1]))
				users = append(users, u)
			}
			var sinks []*sink
			for range pages {
				s := w.sink(Request{Tables: "city", Interval: "100"}, nil)
				defer s.end()
				s.until(w.source.Journal.Appended())
				sinks = append(sinks, s)
			}
			b.ReportAllocs()
			b.ResetTimer()
			before, began := cpu(), time.Now()
			for i := range b.N {
				time.Sleep(time.Until(began.Add(time.Duration(i) * 4 * time.Millisecond)))
				w.ride(users[i%len(users)], chairs[i%len(chairs)])
				for k := range 30 {
					n := 30*i + k
					w.report(chairs[n%len(chairs)], isuride.Coordinate{Latitude: int32(7 * (n / len(chairs)) % 60), Longitude: int32(n % 60)})
				}
			}
			used, seconds := cpu()-before, time.Since(began).Seconds()
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-us/ride")
			for _, s := range sinks[:min(1, pages)] {
				b.ReportMetric(float64(s.wakes.Load())/seconds, "wakes/s")
				b.ReportMetric(float64(s.frames.Load())/seconds, "frames/s")
				b.ReportMetric(float64(s.bytes.Load())/seconds, "bytes/s")
			}
		})
	}
}

// BenchmarkPartial makes partials of 100,000 rows.
func BenchmarkPartial(b *testing.B) {
	w, chairs := fleet(b, 500)
	for _, c := range chairs {
		w.report(c, isuride.Coordinate{})
	}
	for i := range 3000 {
		w.registerUser()
		u, _ := w.store.UserByToken([]byte(w.users[len(w.users)-1]))
		for range 10 {
			w.ride(u, chairs[i%len(chairs)])
		}
	}
	runtime.GC()
	b.ReportAllocs()
	b.ResetTimer()
	size := int64(0)
	for b.Loop() {
		s := w.sink(Request{Tables: "users,owners,chairs,positions,rides,statuses,coupons,payments", Viewer: Viewer{Class: Operator}}, nil)
		s.until(w.source.Journal.Appended())
		size = s.bytes.Load()
		s.end()
	}
	b.ReportMetric(float64(rowsOf(w)), "rows")
	b.ReportMetric(float64(size), "bytes")
}

// drive is a ride up to its destination.
func (w *town) drive(u *state.User, c *state.Chair) *state.Ride {
	r, err := w.store.RequestRide(u, isuride.Coordinate{}, isuride.Coordinate{Latitude: 3})
	w.must(err)
	_, err = w.store.Assign(r, c, nil)
	w.must(err)
	w.must(w.store.Advance(c, r.ID, isuride.Enroute))
	w.report(c, r.Pickup)
	w.must(w.store.Advance(c, r.ID, isuride.Carrying))
	w.report(c, r.Destination)
	return r
}

// ride is a whole ride.
func (w *town) ride(u *state.User, c *state.Chair) {
	r := w.drive(u, c)
	ch, _, err := w.store.BeginCharge(u, r.ID, 5)
	w.must(err)
	_, err = w.store.Complete(ch)
	w.must(err)
	w.store.Release(r)
}

func rowsOf(w *town) (n int) {
	_, err := w.store.Walk(func(i *state.Image) error {
		switch {
		case i.Owner != nil:
			n++
		case i.Chair != nil:
			n += 2
		case i.User != nil:
			n += 1 + len(i.User.Coupons) + 3*len(i.User.Rides)
		}
		return nil
	})
	w.must(err)
	return n
}
