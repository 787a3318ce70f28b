package state

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"isuride/webapp/isuride"
)

// memoryLog keeps events in memory and can be made to fail.
type memoryLog struct {
	mu     sync.Mutex
	events [][]byte
	hashes []Hash // of store after each of them
	store  *Store
	fail   error
	before func() // an event comes, unless it is nil
}

func (l *memoryLog) AppendNoted(payload []byte, note interface{ Recorded(uint64) }) (uint64, error) {
	if l.before != nil {
		l.before()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return 0, l.fail
	}
	l.events = append(l.events, slices.Clone(payload))
	note.Recorded(uint64(len(l.events)))
	l.hashes = append(l.hashes, l.store.tally.sum)
	return uint64(len(l.events)), nil
}

func (l *memoryLog) Hold(f func(uint64)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(uint64(len(l.events)))
}

func (l *memoryLog) Appended() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.events))
}

// fakeClock moves by one step at each reading; with a step of zero it does not move.
type fakeClock struct {
	mu   sync.Mutex
	now  isuride.Time
	step isuride.Time
}

func (c *fakeClock) read() isuride.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += c.step
	return c.now
}

const testStart = isuride.Time(1_764_000_000_000_000)

// fixture is a store with all that a test needs around it.
type fixture struct {
	*Store
	t     testing.TB
	log   *memoryLog
	clock *fakeClock
	base  isuride.Tables
}

func newFixture(t testing.TB) *fixture {
	b := &fixture{t: t, log: &memoryLog{}, clock: &fakeClock{now: testStart, step: 700}}
	b.base.ChairModels = []isuride.ChairModel{{Name: "slow", Speed: 2}, {Name: "fast", Speed: 7}}
	b.Store = New(b.options(), &b.base, nil)
	b.log.store = b.Store
	return b
}

func (b *fixture) options() Options {
	return Options{Log: b.log, Now: b.clock.read, Describe: func(c *isuride.Chair) []byte { return []byte(c.Name) }}
}

func (b *fixture) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

var serial struct {
	sync.Mutex
	n int
}

// unique makes names that no other call makes.
func unique(prefix string) string {
	serial.Lock()
	defer serial.Unlock()
	serial.n++
	return fmt.Sprintf("%s-%d", prefix, serial.n)
}

func (b *fixture) user(invitation string) *User {
	b.t.Helper()
	u, err := b.RegisterUser(NewUser{unique("user"), "Ann", "Lee", "2000-01-01", invitation})
	b.must(err)
	b.must(b.SetPaymentToken(u, "token-of-"+u.ID))
	return u
}

// chair makes an active chair at a place, with an owner of its own.
func (b *fixture) chair(at isuride.Coordinate) *Chair {
	b.t.Helper()
	o, err := b.RegisterOwner(unique("owner"))
	b.must(err)
	c, err := b.RegisterChair(o.ChairRegisterToken, "AB-1-1", "fast")
	b.must(err)
	b.must(b.SetActivity(c, true))
	b.report(c, at)
	return c
}

func (b *fixture) report(c *Chair, at isuride.Coordinate) isuride.Time {
	b.t.Helper()
	recorded, err := b.Report(c, at)
	b.must(err)
	return recorded
}

func (b *fixture) assign(r *Ride, c *Chair) {
	b.t.Helper()
	if ok, err := b.Assign(r, c, nil); !ok || err != nil {
		b.t.Fatalf("assign: %v, %v", ok, err)
	}
}

// arrive drives a fresh ride up to ARRIVED.
func (b *fixture) arrive(u *User, c *Chair, pickup, destination isuride.Coordinate) *Ride {
	b.t.Helper()
	r, err := b.RequestRide(u, pickup, destination)
	b.must(err)
	b.assign(r, c)
	b.must(b.Advance(c, r.ID, isuride.Enroute))
	b.report(c, pickup)
	b.must(b.Advance(c, r.ID, isuride.Carrying))
	b.report(c, destination)
	return r
}

func (b *fixture) complete(r *Ride, evaluation int) isuride.Time {
	b.t.Helper()
	ch, first, err := b.BeginCharge(r.User, r.ID, evaluation)
	b.must(err)
	if !first {
		b.t.Fatal("a charge is under way already")
	}
	at, err := b.Complete(ch)
	b.must(err)
	b.Release(r)
	b.Reveal(r)
	return at
}

// read drains a stream, marks everything delivered and returns "ride status" words.
func (b *fixture) read(s *Stream, log *Log, side Side) []string {
	b.t.Helper()
	var got []string
	for {
		m, n, ok := s.Next()
		if !ok {
			return got
		}
		b.must(b.Delivered(log, side, n))
		got = append(got, m.Status.String())
	}
}

func expectCode(t testing.TB, err error, want isuride.Code) {
	t.Helper()
	var domain *isuride.Error
	switch {
	case want == 0 && err != nil:
		t.Fatalf("unexpected error: %v", err)
	case want != 0 && (!errors.As(err, &domain) || domain.Code != want):
		t.Fatalf("error is %v, want code %d", err, want)
	}
}

// replayed is the state that a restart finds if nothing had been written to SQL.
func (b *fixture) replayed() *Store {
	b.t.Helper()
	s := New(b.options(), &b.base, nil)
	r := NewRecovery(s, 0)
	b.replay(r, 0, len(b.log.events))
	return s
}

// replay replays the events after one and up to another, and ends the recovery.
func (b *fixture) replay(r *Recovery, after uint64, end int) {
	b.t.Helper()
	for i := int(after); i < end; i++ {
		b.must(r.Replay(uint64(i+1), b.log.events[i]))
		if last, hash, exact := r.Hash(); exact && last == uint64(i+1) && hash != b.log.hashes[i] {
			b.t.Fatalf("after event %d the replay has the hash %v, the live store had %v", last, hash, b.log.hashes[i])
		}
	}
	_, _, err := r.Finish(uint64(end))
	b.must(err)
}

// reloaded is the state that a restart finds if everything had been written to SQL.
func (b *fixture) reloaded() *Store {
	b.t.Helper()
	rows, tracks := foldRows(b.t, b.log.events)
	rows.ChairModels = b.base.ChairModels
	s := New(b.options(), rows, tracks)
	r := NewRecovery(s, uint64(len(b.log.events)))
	b.replay(r, 0, len(b.log.events))
	return s
}

// foldRows is the plain twin of the write-behind: it applies row image after row image.
func foldRows(t testing.TB, events [][]byte) (*isuride.Tables, map[string]Track) {
	t.Helper()
	var d isuride.Decoder
	owners, chairs, users := map[string]isuride.Owner{}, map[string]isuride.Chair{}, map[string]isuride.User{}
	tokens, rides := map[string]isuride.PaymentToken{}, map[string]isuride.Ride{}
	statuses, coupons := map[string]isuride.RideStatus{}, map[string]isuride.Coupon{}
	tracks := map[string]Track{}
	for _, payload := range events {
		e, err := d.Decode(payload)
		if err != nil {
			t.Fatal(err)
		}
		if r := e.Owner; r != nil {
			owners[r.ID] = *r
		}
		if r := e.Chair; r != nil {
			chairs[r.ID] = *r
		}
		if r := e.User; r != nil {
			users[r.ID] = *r
		}
		if r := e.Token; r != nil {
			tokens[r.UserID] = *r
		}
		if r := e.Location; r != nil {
			track := tracks[r.ChairID]
			track.Add(r.Coordinate, r.CreatedAt)
			tracks[r.ChairID] = track
		}
		if r := e.Ride; r != nil {
			old := rides[r.ID]
			r.ChairID, r.Evaluation = cmp.Or(r.ChairID, old.ChairID), cmp.Or(r.Evaluation, old.Evaluation)
			rides[r.ID] = *r
		}
		if r := e.Status; r != nil {
			old := statuses[r.ID]
			r.AppSentAt, r.ChairSentAt = cmp.Or(r.AppSentAt, old.AppSentAt), cmp.Or(r.ChairSentAt, old.ChairSentAt)
			statuses[r.ID] = *r
		}
		for _, r := range e.Coupons {
			key := r.UserID + r.Code
			r.UsedBy = cmp.Or(r.UsedBy, coupons[key].UsedBy)
			coupons[key] = r
		}
	}
	return &isuride.Tables{
		Owners: slices.Collect(maps.Values(owners)), Chairs: slices.Collect(maps.Values(chairs)),
		Users: slices.Collect(maps.Values(users)), PaymentTokens: slices.Collect(maps.Values(tokens)),
		Rides: slices.Collect(maps.Values(rides)), RideStatuses: slices.Collect(maps.Values(statuses)),
		Coupons: slices.Collect(maps.Values(coupons)),
	}, tracks
}

// describe writes down everything that must survive a restart, one line an entity.
func describe(s *Store) string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	s.ownersByID.Range(func(_ string, o *Owner) bool {
		var ids []string
		for _, c := range o.Chairs() {
			ids = append(ids, c.ID)
		}
		slices.Sort(ids) // two of one microsecond have no order
		add("owner %+v %v sold %d", o.Owner, ids, o.sales.Total())
		return true
	})
	s.chairsByID.Range(func(_ string, c *Chair) bool {
		row := c.row
		row.IsActive, row.UpdatedAt = c.active, c.updatedAt
		ride := ""
		if c.ride != nil {
			ride = c.ride.ID
		}
		add("chair %+v %d %+v ride %q %+v %v %+v log %s", row, c.Speed, c.track, ride, c.stats, c.sales, c.booked, describeLog(&c.Log))
		return true
	})
	s.usersByID.Range(func(_ string, u *User) bool {
		var ids []string
		for _, r := range u.rides {
			ids = append(ids, r.ID)
		}
		add("user %+v %q %v %d %v %d %d %d log %s", u.User, u.token, ids, u.unfinished, u.coupons, u.issued, u.used, u.invited, describeLog(&u.Log))
		return true
	})
	s.rides.Range(func(_ string, r *Ride) bool {
		matching := r.matching
		if r.done {
			matching = statusRow{} // depends on whether a walk ran
		}
		charge := isuride.OpenCharge{}
		if r.charge != nil {
			charge = isuride.OpenCharge{Seq: r.charge.seq, Evaluation: r.charge.Evaluation}
		}
		add("ride %+v %d %d %+v %v %d %b %v %v", r.rowLocked(), r.Fare, r.coupon, matching, r.status, r.statusAt, r.passed, r.done, charge)
		return true
	})
	add("books %+v", s.books.Totals())
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func describeLog(l *Log) string {
	var b strings.Builder
	if m, n, ok := l.Current(); ok {
		fmt.Fprintf(&b, "now %s %v;", m.Ride.ID, m.Status)
		// Numbers begin again after a restart, distances between them do not.
		s := l.Open(func() {})
		defer s.Close()
		for m, i, ok := s.Next(); ok; m, i, ok = s.Next() {
			fmt.Fprintf(&b, " %d %s %v %v", int(i-n), m.Ride.ID, m.Status, m.row)
		}
	}
	return b.String()
}

// expectSameAfterRestart compares the live state with what restarts would find.
func (b *fixture) expectSameAfterRestart() {
	b.t.Helper()
	b.must(b.Check())
	want := describe(b.Store)
	for name, s := range map[string]*Store{"replay": b.replayed(), "reload": b.reloaded()} {
		if got := describe(s); got != want {
			b.t.Fatalf("after %s the state differs:\n%s", name, firstDifference(want, got))
		}
		if err := s.Check(); err != nil {
			b.t.Fatalf("after %s: %v", name, err)
		}
		if got, want := s.tally.sum, b.tally.sum; got != want {
			b.t.Fatalf("after %s the hash is %v, not %v", name, got, want)
		}
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("live:  %s\nfound: %s", w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines live, %d found", len(w), len(g))
}
