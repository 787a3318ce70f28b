package burn

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/dev/allocs"
)

// fake burns nothing, but its clock runs, and so does that of the test's bubble: as if the
// thread had a CPU of its own.
type fake struct{ used time.Duration }

func (f *fake) Burn(d time.Duration) {
	f.used += d
	time.Sleep(d)
}

func (f *fake) CPU() time.Duration { return f.used }

// prices differ by a factor, so that a sum shows what it is made of.
func prices() Prices {
	return Prices{Kinds: [kinds]time.Duration{Call: 1, Connection: 100, Event: 10_000, File: 1_000_000, Cached: 100_000_000}}
}

func pool(p Prices, threads int) (*Pool, []*fake) {
	var burners []Burner
	var fakes []*fake
	for range threads {
		f := new(fake)
		burners, fakes = append(burners, f), append(fakes, f)
	}
	return New(p, burners), fakes
}

// TestPrices: a piece of work burns what its lane owes, once.
func TestPrices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, fakes := pool(prices(), 1)
		defer p.Close()
		var l Lane
		for _, k := range []Kind{Call, Connection, Call, Event, File, Cached} {
			l.Owe(k)
		}
		var after []time.Duration
		note := func() { after = append(after, fakes[0].used) }
		p.Pass(&l, nil, note)
		p.Pass(&l, nil, note)
		l.Owe(Call)
		p.Pass(&l, func() { fakes[0].used += 7 }, note)
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if want := []time.Duration{101_010_102, 101_010_102, 101_010_110}; !slices.Equal(after, want) {
			t.Errorf("burned %v, want %v", after, want)
		}
		u := p.Use()
		if u.Counts != (Bill{3, 1, 1, 1, 1}) || u.Burned != 101_010_103 || u.Due() != u.Burned || u.Worked != 7 || u.Passed != 3 {
			t.Errorf("%+v, due %v", u, u.Due())
		}
		if u = u.Since(u); u.Due() != 0 || u.Burned != 0 || u.Passed != 0 {
			t.Errorf("nothing since: %+v", u)
		}
	})
}

// TestNilLane: without a pool nothing is owed.
func TestNilLane(t *testing.T) {
	var l *Lane
	if n := allocs.PerRun(100, func() { l.Owe(Call) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestOrder: a lane's pieces keep their order whatever the threads do, and others
// overtake.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := pool(Prices{Kinds: [kinds]time.Duration{Call: time.Millisecond}}, 3)
		defer p.Close()
		order := make(chan int, 100)
		var long, short Lane
		for i := range 10 {
			for range 10 - i {
				long.Owe(Call)
			}
			p.Pass(&long, nil, func() { order <- i })
		}
		short.Owe(Call)
		p.Pass(&short, nil, func() { order <- 100 })
		time.Sleep(time.Second)
		synctest.Wait()
		var got []int
		for len(order) > 0 {
			got = append(got, <-order)
		}
		if want := []int{100, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
			t.Errorf("order %v", got)
		}
	})
}

// TestScarce: two threads do twice as much at a time, and the rest waits.
func TestScarce(t *testing.T) {
	for _, threads := range []int{1, 2, 4} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := pool(Prices{Kinds: [kinds]time.Duration{Call: time.Millisecond}}, threads)
			defer p.Close()
			begun, ends := time.Now(), make(chan time.Duration, 40)
			for range 40 {
				l := new(Lane)
				l.Owe(Call)
				p.Pass(l, nil, func() { ends <- time.Since(begun) })
			}
			last := time.Duration(0)
			for range 40 {
				last = max(last, <-ends)
			}
			synctest.Wait()
			if want := 40 * time.Millisecond / time.Duration(threads); last != want {
				t.Errorf("%d threads took %v, want %v", threads, last, want)
			}
			if u := p.Use(); u.Waited == 0 || u.Burned != 40*time.Millisecond {
				t.Errorf("%+v", u)
			}
		})
	}
}

// TestIdle: a call costs more the less the pool has to do.
func TestIdle(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration // a call of a millisecond
		share float64
	}{{"idle", 100 * time.Millisecond, 0.99}, {"half", 2 * time.Millisecond, 0.5}, {"full", time.Millisecond, 0}} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := pool(Prices{Kinds: [kinds]time.Duration{Call: time.Millisecond}, Idle: 100}, 1)
			defer p.Close()
			for begun := time.Now(); time.Since(begun) < 10*idleWindow; {
				l := new(Lane)
				l.Owe(Call)
				p.Pass(l, nil, func() {})
				time.Sleep(c.every)
			}
			synctest.Wait()
			u := p.Use()
			mean := float64(u.Idle) / float64(u.Counts[Call]) / 100
			if mean < c.share-0.01 || mean > c.share+0.12 { // the first window counts as idle
				t.Errorf("%s: %.3f of the price, want %v", c.name, mean, c.share)
			}
		})
	}
}

// TestClose: the end waits for nobody, and what has not passed never does.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := pool(Prices{Kinds: [kinds]time.Duration{Call: time.Second}}, 1)
		passed := 0
		for range 5 {
			l := new(Lane)
			l.Owe(Call)
			p.Pass(l, nil, func() { passed++ })
		}
		time.Sleep(1500 * time.Millisecond)
		p.Close()
		if passed != 2 {
			t.Errorf("%d passed, want the one that was over and the one at work", passed)
		}
	})
}

// TestSpinner burns for real, and only looks whether it is a use of CPU at all.
func TestSpinner(t *testing.T) {
	runtime.LockOSThread() // whose clock it reads
	defer runtime.UnlockOSThread()
	s := Calibrate()
	if s.perMicrosecond <= 0 {
		t.Fatalf("%v iterations a microsecond", s.perMicrosecond)
	}
	before := s.CPU()
	s.Burn(time.Millisecond)
	if s.CPU() <= before {
		t.Error("nothing was used")
	}
}
