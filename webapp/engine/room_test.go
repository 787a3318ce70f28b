package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// refusing is a log that has an error for assignments.
type refusing struct {
	appender
	with    atomic.Pointer[error]
	refused atomic.Int64
}

func (l *refusing) AppendNoted(payload []byte, note interface{ Recorded(seq uint64) }) (uint64, error) {
	if err := l.with.Load(); err != nil && isuride.KindOf(payload) == isuride.RideAssigned {
		l.refused.Add(1)
		return 0, *err
	}
	return l.appender.AppendNoted(payload, note)
}

// TestMatchingOutlivesAFullDisk: a ride that cannot be given to a chair, since the disk has no room,
// is given once it has, and the server does not end; of any other error it does.
func TestMatchingOutlivesAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		memory, err := journal.Open(journal.Options{Durability: journal.None, Log: quiet()})
		must(err)
		defer memory.Close()
		log := &refusing{appender: memory}
		rows, err := sqlstore.MasterData()
		must(err)
		s := newStore(log, rows)
		o, err := s.RegisterOwner("owner")
		must(err)
		c, err := s.RegisterChair(o.ChairRegisterToken, "chair", rows.ChairModels[0].Name)
		must(err)
		must(s.SetActivity(c, true))
		_, err = s.Report(c, isuride.Coordinate{})
		must(err)
		u, err := s.RegisterUser(state.NewUser{Username: "rider", Firstname: "f", Lastname: "l", DateOfBirth: "d"})
		must(err)
		must(s.SetPaymentToken(u, "token"))
		ride, err := s.RequestRide(u, isuride.Coordinate{}, isuride.Coordinate{Latitude: 3})
		must(err)

		ctx, cancel := context.WithCancel(t.Context())
		g := &Generation{ctx: ctx}
		ended := make(chan error, 8)
		log.with.Store(new(journal.ErrFull))
		now := func() isuride.Time { return isuride.TimeOf(time.Now()) }
		for r := range isuride.Region(isuride.Regions) {
			go func() { ended <- g.match(dispatch.New(s, r, new(match.Workspace), dispatch.DefaultParams(), now)) }()
		}
		time.Sleep(10 * time.Second)
		if n := log.refused.Load(); n < 10 || len(ended) > 0 {
			t.Fatalf("matching has tried %d times in 10 s, and %d have ended", n, len(ended))
		}
		log.with.Store(nil)
		time.Sleep(time.Second)
		if ride.Chair() != c {
			t.Error("the ride has no chair although there is room")
		}
		cancel()
		synctest.Wait()
	})
}

// TestEndOfALeadershipIsSaidAsSuch: a record that meets the end of a leadership in the log, and not yet
// in its tenure, was not recorded, and may be given to the next leader.
func TestEndOfALeadershipIsSaidAsSuch(t *testing.T) {
	m := benchMember(t)
	l := newTenure(m.journal)
	l.begin(m.journal.Appended())
	m.journal.Fence()
	if _, err := l.AppendNoted([]byte{1}, unnoted{}); !errors.Is(err, ErrElsewhere) {
		t.Errorf("the record is refused with %v", err)
	}
}

// TestConcludedTenureStaysClosed: after its last event a generation records nothing, even if this
// server leads on because nobody has taken over.
func TestConcludedTenureStaysClosed(t *testing.T) {
	m := benchMember(t)
	if _, err := m.log.Seal(position(1, 1), nil); err != nil {
		t.Fatal(err)
	}
	m.log.SaveState(m.group.founding())
	m.log.Unfence()
	l := newTenure(m.journal)
	l.begin(m.journal.Appended())
	l.close()
	l.reopen()
	if _, err := l.AppendNoted([]byte{1}, unnoted{}); err != nil {
		t.Fatalf("a tenure that was opened again refuses a record: %v", err)
	}
	if _, err := l.conclude([]byte{2}); err != nil {
		t.Fatal(err)
	}
	l.reopen()
	if _, err := l.AppendNoted([]byte{3}, unnoted{}); !errors.Is(err, ErrElsewhere) {
		t.Errorf("after the last event a record is answered with %v", err)
	}
}
