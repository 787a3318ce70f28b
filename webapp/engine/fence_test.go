package engine

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// TestReadsOfAFrozenLeader: a server whose group moves on while it hears nothing, as behind a
// pause, answers no read: it cannot know what the next leader has acknowledged.
func TestReadsOfAFrozenLeader(t *testing.T) {
	g := newTrio(t)
	name, old := g.leader()
	g.must(enlist(old, "before"))
	gen := old.Current()
	thaw := g.wire.freeze(name)
	_, e := g.leader(g.but(name)...)
	g.must(enlist(e, "after"))
	answers := make(chan error, 2)
	for _, lease := range []bool{false, true} {
		go func() { answers <- gen.Barrier(gen.Begin(), lease) }()
	}
	// Either may wait for what cannot be committed, as the hash of each second.
	time.AfterFunc(2*indexLimit, thaw)
	for range cap(answers) {
		if err := <-answers; err == nil {
			t.Error("a read is answered")
		}
	}
}

// TestDropEndsTheTenure: what a leader has recorded and lost is not safe, although the log goes
// beyond its number again.
func TestDropEndsTheTenure(t *testing.T) {
	for what, deposed := range map[string]func(*hooks){"drop": (*hooks).Drop, "truncate": func(h *hooks) { h.Truncate(1) }} {
		m := benchMember(t)
		seal := func(index, term uint64) {
			if _, err := m.log.Seal(position(index, term), nil); err != nil {
				t.Fatal(err)
			}
		}
		seal(1, 1)
		l := newTenure(m.journal)
		m.tenure.Store(l)
		m.log.SaveState(m.group.founding())
		m.log.Unfence()
		l.begin(m.journal.Appended())
		if _, err := l.AppendNoted([]byte{1}, unnoted{}); err != nil {
			t.Fatal(err)
		}
		deposed(m.log)
		seal(2, 2) // stands for what the next leader sends
		seal(3, 2)
		m.log.Commit(3)
		if m.journal.Watermark() < l.Appended() {
			t.Fatal("the log does not go beyond the lost record")
		}
		if passed, err := l.queue.Await(&Waiter{}); !passed || err == nil {
			t.Errorf("%s: a lost record passes: %v, %v", what, passed, err)
		}
		if _, err := l.AppendNoted([]byte{2}, unnoted{}); !errors.Is(err, ErrElsewhere) {
			t.Errorf("%s: a record of the lost tenure is taken: %v", what, err)
		}
	}
}

// TestTenureKnowsOnlyItsOwn: where a state stands in the log, which hashes, snapshots and the books rest on, does not
// move on with the records of the generations after it, nor past the event that has ended it.
func TestTenureKnowsOnlyItsOwn(t *testing.T) {
	m := benchMember(t)
	if _, err := m.log.Seal(position(1, 1), nil); err != nil {
		t.Fatal(err)
	}
	m.log.SaveState(m.group.founding())
	m.log.Unfence()
	begun := func() *tenure {
		l := newTenure(m.journal)
		l.begin(m.journal.Appended())
		return l
	}
	held := func(l *tenure) (at uint64) { l.Hold(func(last uint64) { at = last }); return at }
	record := func(l *tenure) uint64 {
		seq, err := l.AppendNoted([]byte{1}, unnoted{})
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	concluded, closed := begun(), begun()
	record(concluded)
	last := record(concluded)
	if got := held(concluded); got != last {
		t.Errorf("it stands at %d, want %d", got, last)
	}
	if _, err := concluded.conclude([]byte{2}); err != nil {
		t.Fatal(err)
	}
	own := record(closed)
	closed.close()
	record(begun())
	if got := held(concluded); got != last {
		t.Errorf("a generation that an event has ended stands at %d, want %d", got, last)
	}
	if got := held(closed); got != own {
		t.Errorf("one that takes nothing any more stands at %d, want %d", got, own)
	}
	closed.reopen()
	if got, want := held(closed), m.journal.Appended(); got != want {
		t.Errorf("one that goes on stands at %d, want %d", got, want)
	}
}

// TestInitializeWithoutMajority does not take place, as far as its caller is told.
func TestInitializeWithoutMajority(t *testing.T) {
	g := newTrio(t)
	name, e := g.leader()
	g.must(enlist(e, "before"))
	g.wire.setCut(name, true)
	var failed *InitializeError
	if err := e.Initialize("", func() bool { return false }); !errors.As(err, &failed) || !failed.Unknown {
		t.Errorf("the initialize ends with %v", err)
	}
	g.wire.setCut(name, false)
	g.everybodyHas(1)
}

// TestRatingAcrossLeaders: a payment that was under way when the leader was lost is resumed by
// the next one, once, and the rider who asks again gets the answer.
func TestRatingAcrossLeaders(t *testing.T) {
	var asked atomic.Int32
	hang := make(chan struct{})
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			<-hang
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer gateway.Close()
	defer close(hang)
	g := newTrio(t)
	name, e := g.leader()
	g.must(e.Initialize(gateway.URL, func() bool { return false }))
	gen := e.Current()
	u, ride := arrived(t, gen)
	go gen.Rate(u, ride, 5)
	g.await("the gateway is asked", func() bool { return asked.Load() == 1 })
	g.wire.setCut(name, true)
	_, e = g.leader(g.but(name)...)
	next := e.Current()
	rider, _ := next.Store.UserByToken([]byte(u.AccessToken))
	g.await("the payment is resumed", func() bool { return asked.Load() == 2 })
	var at isuride.Time
	g.await("the rider gets the answer", func() bool {
		var err error
		at, _, err = next.Rate(rider, ride, 5)
		return err == nil
	})
	again, _, err := next.Rate(rider, ride, 5)
	if err != nil || again != at || asked.Load() != 2 {
		t.Errorf("asked again the rider gets %v and %v, want %v; the gateway was asked %d times", again, err, at, asked.Load())
	}
	if _, _, err := next.Rate(rider, ride, 4); err == nil {
		t.Error("another rating of the ride is taken")
	}
}

// arrived makes a ride that can be rated.
func arrived(t *testing.T, g *Generation) (*state.User, string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := g.Store
	o, err := s.RegisterOwner("owner")
	must(err)
	u, err := s.RegisterUser(state.NewUser{Username: "rider", Firstname: "f", Lastname: "l", DateOfBirth: "d"})
	must(err)
	must(s.SetPaymentToken(u, "token"))
	c, err := s.RegisterChair(o.ChairRegisterToken, "chair", "SitEase")
	must(err)
	pickup, destination := isuride.Coordinate{Latitude: 1}, isuride.Coordinate{Latitude: 2}
	r, err := s.RequestRide(u, pickup, destination)
	must(err)
	_, err = s.Report(c, isuride.Coordinate{})
	must(err)
	must(s.SetActivity(c, true))
	for r.Chair() == nil {
		must(g.Match()) // beside the generation's own rounds
	}
	must(s.Advance(c, r.ID, isuride.Enroute))
	_, err = s.Report(c, pickup)
	must(err)
	must(s.Advance(c, r.ID, isuride.Carrying))
	_, err = s.Report(c, destination)
	must(err)
	return u, r.ID
}
