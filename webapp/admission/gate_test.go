package admission

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/dev/allocs"
)

// rig is a gate whose waits and clock a test sets.
type rig struct {
	*Gate
	wait   time.Duration
	behind bool
	now    time.Duration
}

func newRig(mode Mode) *rig {
	r := new(rig)
	r.Gate = New(Options{Mode: mode, Now: func() time.Duration { return r.now }, Backlog: func() bool { return r.behind },
		Sources: []Source{{"test", func() (time.Duration, bool) { return r.wait, true }}}})
	return r
}

// pass lets intervals with that wait pass.
func (r *rig) pass(d, wait time.Duration) {
	for r.wait = wait; d > 0; d -= interval {
		r.now += interval
		r.Look()
	}
}

// refused counts who of a thousand sessions is refused, by reason.
func (r *rig) refused(q Request) (n [reasons]int) {
	for i := range uint64(1000) {
		q.Session = mix(i)
		n[r.Decide(q)]++
	}
	return n
}

// TestClasses: C goes first, B when that does not help, A never.
func TestClasses(t *testing.T) {
	for _, tc := range []struct {
		mode    Mode
		wait    time.Duration
		b, c    bool // refused
		pressed bool
	}{
		{Default, 100 * time.Millisecond, false, false, false},
		{Default, 1400 * time.Millisecond, false, false, false},
		{Default, 2900 * time.Millisecond, false, false, true},
		{Default, 5 * time.Second, false, true, true},
		{Default, 10 * time.Second, true, true, true},
		{Strict, 9 * time.Millisecond, false, false, false},
		{Strict, 19 * time.Millisecond, false, false, true},
		{Strict, 50 * time.Millisecond, false, true, true},
		{Strict, 200 * time.Millisecond, true, true, true},
	} {
		r := newRig(tc.mode)
		r.pass(30*time.Second, tc.wait)
		if r.Pressed() != tc.pressed {
			t.Errorf("%s, %v: pressed %t", tc.mode, tc.wait, r.Pressed())
		}
		for class, want := range map[Class]bool{A: false, B: tc.b, C: tc.c} {
			if n := r.refused(Request{Class: class}); (n[Wait] > 900) != want || n[Admitted]+n[Wait] != 1000 {
				t.Errorf("%s, %v: class %v gets %v", tc.mode, tc.wait, class, n)
			}
		}
	}
}

// TestDefaultRefusesNothing as long as waits are those of a full run of the benchmarker, however
// they jump.
func TestDefaultRefusesNothing(t *testing.T) {
	r := newRig(Default)
	random := rand.New(rand.NewPCG(1, 2))
	for range intervals(10 * time.Minute) {
		r.pass(interval, time.Duration(random.ExpFloat64()*float64(100*time.Millisecond)))
		for class := range Class(classes) {
			if why := r.Decide(Request{Class: class, Session: random.Uint64(), Writes: true}); why != Admitted {
				t.Fatalf("class %v: %v", class, why)
			}
		}
	}
}

// TestWholeSessions: who is refused stays refused for an epoch, whatever it asks for, and others
// have their turn after it.
func TestWholeSessions(t *testing.T) {
	r := newRig(Strict)
	r.pass(time.Second, 26*time.Millisecond)
	share := r.Stats().Share[C]
	if share < 0.3 || share > 0.9 {
		t.Fatalf("a share of %.2f is refused", share)
	}
	const sessions = 2000
	refused := func(i uint64) bool { return r.Decide(Request{Class: C, Session: mix(i)}) == Wait }
	var before [sessions]bool
	n := 0
	for i := range before {
		before[i] = refused(uint64(i))
		n += one(before[i])
		if again := refused(uint64(i)); again != before[i] {
			t.Fatalf("session %d: refused %t, then %t", i, before[i], again)
		}
	}
	if got := float64(n) / sessions; got < share-0.05 || got > share+0.05 {
		t.Errorf("%.2f of the sessions are refused, want %.2f", got, share)
	}
	r.now += epoch
	r.turn.Store(uint64(r.now * turns / epoch))
	changed := 0
	for i := range before {
		changed += one(refused(uint64(i)) != before[i])
	}
	if changed < sessions/10 {
		t.Errorf("%d of %d sessions have changed places", changed, sessions)
	}
}

// TestBegun: who was let in while others were refused goes on while the share rises, is refused once
// nobody else of class C is left, and after an epoch is one of the others again.
func TestBegun(t *testing.T) {
	const sessions = 1000
	r := newRig(Strict)
	served := func(from uint64) (n int) {
		for i := range uint64(sessions) {
			n += one(r.Decide(Request{Class: C, Session: mix(from + i)}) == Admitted)
		}
		return n
	}
	const early, first, later = 0, sessions, 2 * sessions
	r.pass(time.Second, 15*time.Millisecond)
	if n := served(early); n != sessions {
		t.Fatalf("%d of %d are served before anything waits too long", n, sessions)
	}
	r.pass(200*time.Millisecond, 25*time.Millisecond)
	in := served(first)
	if in < sessions/4 || in > sessions*3/4 {
		t.Fatalf("%d of %d are let in", in, sessions)
	}
	token := "of an account that was registered just now"
	r.Begins(token)
	registered := Request{Class: C, Session: r.Session([]byte(token))}
	r.pass(200*time.Millisecond, 30*time.Millisecond)
	if r.Stats().Share[C] < 1 {
		t.Fatalf("a share of %.2f is refused", r.Stats().Share[C])
	}
	if n := served(first); n < in*97/100 { // but for those who share a slot
		t.Errorf("%d of %d who were let in go on", n, in)
	}
	if r.Decide(registered) != Admitted {
		t.Error("an account that was registered is refused what it was registered for")
	}
	if n := served(early) + served(later); n > 0 {
		t.Errorf("%d who were not let in are served", n)
	}
	r.pass(200*time.Millisecond, 45*time.Millisecond)
	if n := served(first); n > 0 {
		t.Errorf("%d are served while half as much again waits", n)
	}
	r.pass(epoch, 30*time.Millisecond)
	if n := served(first); n > 0 || r.Decide(registered) == Admitted {
		t.Errorf("%d go on for more than an epoch", n)
	}
}

// TestGuestsAreBounded: there is one table, and of two sessions in one slot the later is known.
func TestGuestsAreBounded(t *testing.T) {
	g := new(guests)
	const one, other = 5, 5 | 1<<timeBits
	g.add(one, time.Second)
	if !g.has(one, time.Second) || g.has(other, time.Second) || g.has(0, 0) {
		t.Error("a session stands for another")
	}
	g.add(one, 2*time.Second)
	if g.has(one, time.Second+epoch) {
		t.Error("who comes again stays for longer")
	}
	g.add(other, 2*time.Second)
	if g.has(one, 2*time.Second) || !g.has(other, 2*time.Second) {
		t.Error("a slot has two sessions")
	}
	if n := allocs.PerRun(1000, func() { g.add(rand.Uint64(), time.Hour) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestBacklog has changes of class B and C refused at once, and only these.
func TestBacklog(t *testing.T) {
	r := newRig(Default)
	r.behind = true
	r.pass(interval, 0)
	for class, want := range map[Class]Reason{A: Admitted, B: Backlog, C: Backlog} {
		if got := r.Decide(Request{Class: class, Session: 1, Writes: true}); got != want {
			t.Errorf("a change of class %v: %v, want %v", class, got, want)
		}
		if got := r.Decide(Request{Class: class, Session: 1}); got != Admitted {
			t.Errorf("a question of class %v: %v", class, got)
		}
	}
	r.behind = false
	r.pass(interval, 0)
	if r.Pressed() {
		t.Error("still pressed")
	}
}

// TestStale: what is older than its client's patience is dropped, if it is of class C.
func TestStale(t *testing.T) {
	r := newRig(Default)
	r.pass(interval, 2*time.Second)
	for class, want := range map[Class]Reason{A: Admitted, B: Admitted, C: Stale} {
		if got := r.Decide(Request{Class: class, Session: 1, Waited: patience + 1}); got != want {
			t.Errorf("class %v: %v, want %v", class, got, want)
		}
	}
	if got := r.Decide(Request{Class: C, Session: 1, Waited: patience}); got != Admitted {
		t.Errorf("one that is not: %v", got)
	}
}

// TestRate: a session that sends more than any ride needs is refused first, in class A too, and alone.
func TestRate(t *testing.T) {
	r := newRig(Strict)
	r.pass(interval, 15*time.Millisecond) // nobody else is refused yet
	served := 0
	for range 10_000 { // within a second
		r.now += time.Second / 10_000
		served += one(r.Decide(Request{Class: A, Session: 7}) == Admitted)
	}
	if want := int((burst + time.Second) / pause); served < want-1 || served > want+1 {
		t.Errorf("%d requests are served, want %d", served, want)
	}
	if n := r.refused(Request{Class: C}); n[Admitted] != 1000 {
		t.Errorf("others get %v", n)
	}
	r.now += time.Second
	if why := r.Decide(Request{Class: A, Session: 7}); why != Admitted {
		t.Errorf("a second later: %v", why)
	}
	r.pass(interval, 0)
	for range 10_000 {
		if why := r.Decide(Request{Class: C, Session: 7}); why != Admitted {
			t.Fatalf("nobody waits, but: %v", why)
		}
	}
}

// TestBudgetsAreBounded: however many sessions come, and whatever they share a slot with, there is
// one table, and no session that is within its rate is refused.
func TestBudgetsAreBounded(t *testing.T) {
	b := newBuckets()
	random := rand.New(rand.NewPCG(3, 4))
	if n := allocs.PerRun(10_000, func() { b.take(random.Uint64(), time.Hour) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	for i := range uint64(3 * slots) {
		if !b.take(mix(i), time.Hour) {
			t.Fatalf("the first request of session %d is refused", i)
		}
	}
	// An hour of a hundred requests a second, one of another session of the slot among them at times.
	for i := range 360_000 {
		if !b.take(5, time.Duration(i)*pause) {
			t.Fatalf("request %d is refused", i)
		}
		if i%100 == 0 && !b.take(5|1<<timeBits, time.Duration(i)*pause) {
			t.Fatalf("request %d of the other is refused", i)
		}
	}
}

// TestIdle: a gate that sees nothing refuses nobody for long, and a time in which it did not look
// counts as one interval.
func TestIdle(t *testing.T) {
	g := New(Options{Mode: Strict})
	for range 20 {
		g.Waited(time.Second)
		g.Look()
	}
	if g.Stats().Share[C] != 1 {
		t.Fatalf("refuses %v", g.Stats().Share)
	}
	for range intervals(2 * time.Second) {
		g.Look()
	}
	if g.Pressed() || g.Stats().Share[C] != 0 {
		t.Errorf("after two idle seconds it refuses %v", g.Stats().Share)
	}
	r := newRig(Strict)
	r.pass(interval, 5*time.Millisecond)
	r.now += time.Hour // nobody looked: the machine slept
	r.pass(interval, time.Hour)
	if share := r.Stats().Share[C]; share > 0 {
		t.Errorf("after a jump it refuses %.2f", share)
	}
	r.pass(2*time.Second, 0)
	if r.Pressed() {
		t.Error("two seconds later it is still pressed")
	}
}

// TestLeastCounts: a burst that is served within the interval does not count, and the highest of
// the sources does.
func TestLeastCounts(t *testing.T) {
	r := newRig(Strict)
	for _, d := range []time.Duration{time.Second, 3 * time.Millisecond, time.Minute} {
		r.Waited(d)
	}
	r.wait = 2 * time.Millisecond
	r.Look()
	s := r.Stats()
	if s.Delay[SocketSource] != 3*time.Millisecond || s.Delay["test"] != 2*time.Millisecond || s.longest() != 3*time.Millisecond {
		t.Errorf("%v", s.Delay)
	}
}

// TestMeasures: there are enough samples in an interval, and not many more, from a hundred to a
// million requests a second; and every request is measured when some may be too old.
func TestMeasures(t *testing.T) {
	for _, rate := range []int{10, 1000, 100_000} { // of an interval
		g := New(Options{Mode: Default})
		samples := 0
		for range 20 {
			samples = 0
			for n := range uint64(rate) {
				if g.Wanted(n) {
					samples++
					g.Waited(time.Millisecond)
				}
			}
			g.Look()
		}
		if least, most := min(rate, wanted/2), max(2*wanted, rate/(lastMask+1)+1); samples < least || samples > most {
			t.Errorf("of %d requests %d are measured, want %d to %d", rate, samples, least, most)
		}
		g.Waited(2 * deep)
		g.Look()
		if !g.Wanted(1) || !g.Wanted(2) || !g.Wanted(3) {
			t.Error("not all are measured when they may be too old")
		}
	}
}

// TestRun looks fifty times a second until it ends.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		g := New(Options{Mode: Strict, Sources: []Source{{"test", func() (time.Duration, bool) { looks++; return time.Second, true }}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+interval/2)
		defer cancel()
		if g.Pressed() {
			t.Error("pressed before it runs")
		}
		g.Run(ctx)
		if looks != 50 || !g.Pressed() {
			t.Errorf("%d looks, pressed %t", looks, g.Pressed())
		}
	})
}

// runs has a gate run in a bubble. Its source says what wait holds, and passed lets time pass and
// returns how often the gate has looked.
func runs(t *testing.T) (g *Gate, wait *atomic.Int64, passed func(time.Duration) int) {
	wait = new(atomic.Int64)
	var looks atomic.Int64
	g = New(Options{Mode: Strict, Sources: []Source{{"test", func() (time.Duration, bool) { looks.Add(1); return time.Duration(wait.Load()), true }}}})
	go g.Run(t.Context())
	return g, wait, func(d time.Duration) int {
		time.Sleep(d)
		synctest.Wait()
		return int(looks.Swap(0))
	}
}

// TestRest: a gate to which nobody comes looks no more until somebody does, who is admitted, and
// one under pressure does not rest.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, wait, passed := runs(t)
		wait.Store(int64(time.Second))
		if n := passed(time.Minute + interval/2); n != intervals(time.Minute) {
			t.Errorf("%d looks in a minute of pressure", n)
		}
		wait.Store(0)
		if n := passed(time.Hour); n < 10 || n > 3*intervals(rest) {
			t.Errorf("%d looks in an idle hour", n)
		}
		if !g.Pressed() {
			t.Error("a request would not be shown to a gate that rests")
		}
		wait.Store(int64(time.Second))
		if why := g.Decide(Request{Class: C}); why != Admitted || g.Pressed() {
			t.Errorf("the first request after a rest: %v, pressed %t", why, g.Pressed())
		}
		if n := passed(2 * standing); n != intervals(2*standing) || g.Stats().Share[C] == 0 {
			t.Errorf("%d looks while it is pressed again, refuses %v", n, g.Stats().Share)
		}
	})
}

// TestEasy: a gate that is not pressed looks ten times a second, and sees pressure within three
// tenths.
func TestEasy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, wait, passed := runs(t)
		go func() { // requests
			come := time.NewTicker(interval / 4)
			for {
				select {
				case <-come.C:
					g.Waited(0)
				case <-t.Context().Done():
					return
				}
			}
		}()
		looks := passed(time.Minute + interval/2)
		if want := intervals(calm) + int((time.Minute-calm)/easyInterval); looks < want-2 || looks > want+2 {
			t.Errorf("%d looks in an easy minute, want %d", looks, want)
		}
		wait.Store(int64(time.Second))
		passed(3 * easyInterval)
		if g.Stats().Share[C] == 0 {
			t.Error("three tenths of a second later nobody is refused")
		}
		if looks = passed(time.Second); looks != intervals(time.Second) {
			t.Errorf("%d looks in a second of pressure", looks)
		}
	})
}

// TestNoGate admits everything.
func TestNoGate(t *testing.T) {
	var g *Gate
	if g.Pressed() || g.Stats().Mode != Off {
		t.Error("no gate refuses")
	}
}

// TestRetryAfter is spread over one to three seconds.
func TestRetryAfter(t *testing.T) {
	r := newRig(Strict)
	var n [4]int
	for i := range uint64(3000) {
		n[r.RetryAfter(r.Session(binary.LittleEndian.AppendUint64(nil, i)))]++
	}
	if n[0] != 0 || min(n[1], n[2], n[3]) < 900 {
		t.Errorf("%v", n)
	}
}

// TestSaysWhatItRefuses, for people.
func TestSaysWhatItRefuses(t *testing.T) {
	r := newRig(Strict)
	if s := r.Stats(); s.String() != "" {
		t.Errorf("says %q while all is well", s.String())
	}
	r.behind = true
	r.pass(30*time.Second, 50*time.Millisecond)
	s := r.Stats()
	if got, want := s.String(), "refusing 100 % of class C, changes of class B and C, as the database is behind; requests wait for 50ms"; got != want {
		t.Errorf("says  %s\nwant %s", got, want)
	}
}

// TestDecisionsDoNotAllocate, nor wait for each other.
func TestDecisionsDoNotAllocate(t *testing.T) {
	r := newRig(Strict)
	r.pass(time.Second, 50*time.Millisecond)
	token := []byte("0123456789012345678901234567890123456789")
	if n := allocs.PerRun(1000, func() {
		s := r.Session(token)
		r.Decide(Request{Class: C, Session: s})
		r.RetryAfter(s)
		r.Connection(s)
		r.Waited(1)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	r := newRig(Strict)
	r.pass(time.Second, 50*time.Millisecond)
	token := []byte("0123456789012345678901234567890123456789")
	b.ReportAllocs()
	for b.Loop() {
		r.now += pause
		r.Decide(Request{Class: C, Session: r.Session(token)})
	}
}

func BenchmarkPressed(b *testing.B) {
	r := newRig(Default)
	for b.Loop() {
		if r.Pressed() {
			b.Fatal("pressed")
		}
	}
}

func BenchmarkLook(b *testing.B) {
	g := New(Options{Mode: Default, Sources: []Source{Scheduler()}})
	b.ReportAllocs()
	for b.Loop() {
		g.Look()
	}
}
