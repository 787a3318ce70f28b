package evloop

import (
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newLoop(t testing.TB) *Loop {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func run(t testing.TB, l *Loop) {
	t.Helper()
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
}

func TestPostKeepsOrderOfEachPoster(t *testing.T) {
	l := newLoop(t)
	const posters, each = 4, 1000
	got := make([][]int, posters)
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := range each {
				l.Post(Func(func() { got[p] = append(got[p], i) }))
			}
		})
	}
	go func() { wg.Wait(); l.Stop() }()
	run(t, l)
	for p := range got {
		if len(got[p]) != each || !slices.IsSorted(got[p]) {
			t.Errorf("poster %d: %d tasks, in order: %v", p, len(got[p]), slices.IsSorted(got[p]))
		}
	}
}

func TestDeferredRunsAfterTheTask(t *testing.T) {
	l := newLoop(t)
	var log []string
	say := func(s string) Func { return func() { log = append(log, s) } }
	l.Post(Func(func() {
		l.Defer(Func(func() { say("deferred")(); l.Defer(say("deferred again")) }))
		say("task")()
	}))
	l.Post(say("next task"))
	l.Stop()
	run(t, l)
	if want := []string{"task", "deferred", "deferred again", "next task"}; !slices.Equal(log, want) {
		t.Errorf("ran %v, want %v", log, want)
	}
}

func TestTimersFireInOrder(t *testing.T) {
	l := newLoop(t)
	var log []int
	timers := make([]Timer, 4)
	for i, d := range []time.Duration{3, 1, 2, 4} {
		timers[i].Fire = func() {
			log = append(log, i)
			if i == 3 {
				l.Stop()
			}
		}
		l.Start(&timers[i], d*time.Millisecond)
	}
	l.Cancel(&timers[2])
	want := []int{1, 0, 3}
	if timers[0].due <= timers[1].due { // the machine was busy between the two starts
		want = []int{0, 1, 3}
	}
	run(t, l)
	if !slices.Equal(log, want) {
		t.Errorf("fired %v, want %v", log, want)
	}
}

func TestTimerIsNeverEarly(t *testing.T) {
	l := newLoop(t)
	const d = 5 * time.Millisecond
	var after time.Duration
	start := time.Now()
	timer := Timer{Fire: func() { after = time.Since(start); l.Stop() }}
	l.Start(&timer, d)
	run(t, l)
	if after < d {
		t.Errorf("fired after %v, started for %v", after, d)
	}
}

// pipe is a handler that notes what it reads.
type pipe struct {
	FD
	loop *Loop
	got  []string
	then func(p *pipe)
}

func (p *pipe) Ready(e Events) {
	n, _ := unix.Read(p.Num(), p.loop.Scratch())
	p.got = append(p.got, string(p.loop.Scratch()[:n]))
	p.then(p)
}

func newPipe(t *testing.T, l *Loop, then func(*pipe)) (p *pipe, write int) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	p = &pipe{loop: l, then: then}
	fd, err := l.Watch(ends[0], Readable, p)
	if err != nil {
		t.Fatal(err)
	}
	p.FD = fd
	t.Cleanup(func() { unix.Close(ends[1]) })
	return p, ends[1]
}

func TestReadable(t *testing.T) {
	l := newLoop(t)
	p, w := newPipe(t, l, func(p *pipe) {
		if len(p.got) == 1 {
			p.Want(0) // back-pressure: what comes now waits
			l.Post(Func(func() { p.Want(Readable) }))
			return
		}
		p.Close()
		l.Stop()
	})
	unix.Write(w, []byte("one"))
	l.Post(Func(func() { unix.Write(w, []byte("two")) }))
	run(t, l)
	if want := []string{"one", "two"}; !slices.Equal(p.got, want) {
		t.Errorf("read %q, want %q", p.got, want)
	}
}

// TestClosedInTheSameBatch closes one ready descriptor from the handler of another and
// reuses its slot at once: the event of the closed one must not reach the new one.
func TestClosedInTheSameBatch(t *testing.T) {
	l := newLoop(t)
	var second, late *pipe
	first, w1 := newPipe(t, l, func(p *pipe) {
		second.Close()
		late, _ = newPipe(t, l, func(*pipe) {})
		l.Stop()
	})
	second, w2 := newPipe(t, l, func(p *pipe) { t.Error("event for a closed descriptor") })
	unix.Write(w1, []byte("a"))
	unix.Write(w2, []byte("b"))
	run(t, l)
	if len(first.got) != 1 || len(late.got) != 0 {
		t.Errorf("first read %q, late %q", first.got, late.got)
	}
	first.Close()
	late.Close()
}

func TestTickerCountsMissedPeriods(t *testing.T) {
	l := newLoop(t)
	var counts []int
	var ticker *Ticker
	ticker = l.Every(2*time.Millisecond, func(n int) {
		counts = append(counts, n)
		if len(counts) == 1 {
			busy := time.Now() // a tick's work that takes longer than the period
			for time.Since(busy) < 7*time.Millisecond {
			}
			return
		}
		ticker.Stop()
		l.Stop()
	})
	run(t, l)
	if len(counts) != 2 || counts[1] < 3 {
		t.Errorf("counts %v, want one call for at least 3 periods after the busy one", counts)
	}
}

// TestTickerReset resets a ticker from its function and from outside; its period would
// never end.
func TestTickerReset(t *testing.T) {
	l := newLoop(t)
	calls := 0
	var ticker *Ticker
	ticker = l.Every(time.Hour, func(n int) {
		if calls++; calls == 3 || n != 1 {
			ticker.Stop()
			l.Stop()
		}
		ticker.Reset(time.Microsecond)
	})
	ticker.Reset(-time.Millisecond) // overdue
	run(t, l)
	if calls != 3 {
		t.Errorf("%d calls", calls)
	}
}

// TestTickerDuringFlood keeps more descriptors ready than a batch takes and checks that
// the ticker does not have to wait for them.
func TestTickerDuringFlood(t *testing.T) {
	l := newLoop(t)
	events, most := 0, 0
	for range 5 * batch {
		var p *pipe
		var w int
		p, w = newPipe(t, l, func(*pipe) {
			events++
			unix.Write(w, []byte("x")) // ready again at once
		})
		unix.Write(w, []byte("x"))
		t.Cleanup(p.Close)
	}
	ticks := 0
	ticker := l.Every(time.Microsecond, func(int) {
		most = max(most, events)
		events = 0
		if ticks++; ticks == 50 {
			l.Stop()
		}
	})
	run(t, l)
	ticker.Stop()
	if most > batch {
		t.Errorf("%d events between two ticks that were due all the time, want %d at most", most, batch)
	}
}

func TestRunAgainAfterStop(t *testing.T) {
	l := newLoop(t)
	runs := 0
	for range 3 {
		l.Post(Func(func() { runs++; l.Stop() }))
		run(t, l)
	}
	if runs != 3 {
		t.Errorf("%d runs, want 3", runs)
	}
}
