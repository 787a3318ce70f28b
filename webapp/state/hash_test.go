package state

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"isuride/tools/dev/allocs"
	"isuride/webapp/isuride"
)

// counted makes a full count.
func (b *fixture) counted() Count {
	b.t.Helper()
	n, err := b.Count(func(*Image) error { return nil })
	b.must(err)
	return n
}

func (b *fixture) expectCounted() {
	b.t.Helper()
	n := b.counted()
	b.must(n.Err())
	if last, hash := b.Hash(); last != n.To || hash != n.Sum {
		b.t.Fatalf("the hash is %v at event %d, of a count %+v", hash, last, n)
	}
}

// TestHashFromTables: at any event, tables with all rows up to there and the log make the hash that
// the live store had, open charges included.
func TestHashFromTables(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	for round := range uint64(5) {
		p := newPlayer(t, *seed, round)
		for range 600 {
			p.step()
		}
		for range 20 {
			at := p.IntN(len(p.log.events) + 1)
			rows, tracks := foldRows(t, p.log.events[:at])
			r := NewRecovery(New(p.options(), rows, tracks), uint64(at))
			p.replay(r, 0, len(p.log.events))
			if got, want := r.Store().tally.sum, p.tally.sum; got != want {
				t.Fatalf("from the tables at event %d the hash is %v, not %v", at, got, want)
			}
		}
	}
}

// rich is a store in which every fact is there.
type rich struct {
	*fixture
	inviter, rider *User
	chair          *Chair
	done, open     *Ride
}

func newRich(t testing.TB) *rich {
	b := newFixture(t)
	w := &rich{fixture: b, inviter: b.user("")}
	w.rider, w.chair = b.user(w.inviter.InvitationCode), b.chair(isuride.Coordinate{Latitude: 3})
	w.done = b.arrive(w.rider, w.chair, isuride.Coordinate{Latitude: 5}, isuride.Coordinate{Latitude: 90})
	b.complete(w.done, 4)
	w.open = b.arrive(w.rider, w.chair, isuride.Coordinate{Latitude: 5}, isuride.Coordinate{Longitude: 70})
	for log, side := range map[*Log]Side{&w.rider.Log: ToUser, &w.chair.Log: ToChair} {
		for range 2 {
			_, n, _ := log.Current()
			b.must(b.Delivered(log, side, n))
		}
	}
	_, _, err := b.BeginCharge(w.rider, w.open.ID, 5)
	b.must(err)
	return w
}

// TestFaultsInMemory: whatever changes without an event is found by a count, and still is after
// more events of the same entity.
func TestFaultsInMemory(t *testing.T) {
	for name, plant := range map[string]func(w *rich){
		"a yen of a fare":                    func(w *rich) { w.done.Fare++ },
		"a yen of the sales":                 func(w *rich) { w.chair.sales[0].Sum-- },
		"the time of a sale":                 func(w *rich) { w.chair.sales[0].At++ },
		"a sale is lost":                     func(w *rich) { w.chair.sales = nil },
		"a bit of a distance":                func(w *rich) { w.chair.track.Distance ^= 1 << 40 },
		"a bit of a place":                   func(w *rich) { w.chair.track.At.Longitude ^= -1 << 31 },
		"the time of a report":               func(w *rich) { w.chair.track.Reported++ },
		"an evaluation":                      func(w *rich) { w.chair.stats.EvaluationSum++ },
		"an evaluation and a ride less":      func(w *rich) { w.chair.stats = Stats{} },
		"the chair is switched off":          func(w *rich) { w.chair.active = false },
		"the chair has lost its ride":        func(w *rich) { w.chair.ride = nil },
		"the chair has another ride":         func(w *rich) { w.chair.ride = w.done },
		"the ride has lost its chair":        func(w *rich) { w.open.chair.Store(nil) },
		"a status":                           func(w *rich) { w.open.status = isuride.Pickup },
		"the time of a status":               func(w *rich) { w.open.statusAt++ },
		"a status that was passed":           func(w *rich) { w.open.passed ^= 1 << isuride.Carrying },
		"a rating":                           func(w *rich) { w.done.evaluation++ },
		"a ride that is not completed":       func(w *rich) { w.done.done = false; w.rider.unfinished++ },
		"the time of a completion":           func(w *rich) { w.done.updatedAt-- },
		"a pickup":                           func(w *rich) { w.done.Pickup.Latitude++ },
		"the row of MATCHING":                func(w *rich) { w.open.matching.id = "" },
		"a lost charge":                      func(w *rich) { w.open.charge = nil },
		"a rating that is paid for":          func(w *rich) { w.open.charge.Evaluation-- },
		"a payment token":                    func(w *rich) { w.rider.token = "token-of-another" },
		"an invitation":                      func(w *rich) { w.inviter.invited-- },
		"a yen of a coupon":                  func(w *rich) { w.rider.coupons[0].Discount++ },
		"a coupon that can be used again":    func(w *rich) { w.rider.coupons[0].UsedBy = "" },
		"a coupon is lost":                   func(w *rich) { w.rider.coupons = w.rider.coupons[1:] },
		"a coupon is there twice":            func(w *rich) { w.rider.coupons = append(w.rider.coupons, w.rider.coupons[1]) },
		"a ride is lost":                     func(w *rich) { w.rider.rides = w.rider.rides[1:] },
		"a session of a user":                func(w *rich) { w.rider.AccessToken = w.rider.AccessToken[1:] },
		"a name of an owner":                 func(w *rich) { w.chair.Owner.Name += " " },
		"a name of a chair":                  func(w *rich) { w.chair.row.Name += " " },
		"a notification is lost":             func(w *rich) { w.deliverNext(&w.rider.Log) },
		"a notification of a chair is lost":  func(w *rich) { w.deliverNext(&w.chair.Log) },
		"a notification nobody has recorded": func(w *rich) { w.rider.Log.Append(Message{Ride: w.done, Status: isuride.Arrived}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newRich(t)
			w.must(w.counted().Err())
			plant(w)
			err := w.counted().Err()
			if err == nil || !strings.Contains(err.Error(), "full count") {
				t.Fatalf("a count finds %v", err)
			}
			w.must(w.SetActivity(w.chair, !w.chair.active))
			w.must(w.SetPaymentToken(w.rider, "another"))
			if _, err := w.Report(w.chair, isuride.Coordinate{Latitude: 7}); err != nil {
				t.Fatal(err)
			}
			if later := w.counted().Err(); later == nil {
				t.Error("it is forgotten with the next events")
			}
		})
	}
}

// deliverNext moves a delivered mark that no event has moved.
func (b *fixture) deliverNext(log *Log) {
	if !log.DeliverNext(func(_, _ *Message) bool { return true }) {
		b.t.Fatal("nothing is pending")
	}
}

// TestEveryFieldCounts: no field of an image can change without its hash, but for those that the
// hash leaves out on purpose.
func TestEveryFieldCounts(t *testing.T) {
	w := newRich(t)
	left := []string{".Position", ".Log.Messages.Stats.Rides", ".Log.Messages.Stats.EvaluationSum", ".Log.Messages.UpdatedAt", ".Rides.Charge.Seq"}
	some := []string{".Log.Delivered", ".Rides.MatchingID", ".Rides.MatchingAt"} // which count if there are messages, or the ride is not over
	seen := map[string]bool{}
	for _, i := range w.take(func() {}).images {
		before := i.hash()
		eachField(reflect.ValueOf(i).Elem(), "", func(name string, change, restore func()) {
			change()
			if i.hash() != before {
				seen[name] = true
			} else if !slices.Contains(left, name) && !slices.Contains(some, name) {
				t.Errorf("%s does not count", name)
			}
			restore()
		})
		if i.hash() != before {
			t.Fatal("the test does not restore what it changes")
		}
	}
	for _, name := range some {
		if !seen[name] {
			t.Errorf("%s never counts", name)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d fields were looked at: %v", len(seen), seen)
	}
}

// eachField visits the numbers, strings and flags of a value with a way to change them.
func eachField(v reflect.Value, name string, visit func(name string, change, restore func())) {
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	restore := func() { v.Set(was) }
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachField(v.Elem(), name, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachField(v.Index(i), name, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.Anonymous {
				eachField(v.Field(i), name, visit)
			} else if field.Type.Kind() == reflect.Pointer {
				eachField(v.Field(i), name, visit) // Owner, Chair, User
			} else {
				eachField(v.Field(i), name+"."+field.Name, visit)
			}
		}
	case reflect.String:
		visit(name, func() { v.SetString(v.String() + "x") }, restore)
	case reflect.Bool:
		visit(name, func() { v.SetBool(!v.Bool()) }, restore)
	case reflect.Uint8, reflect.Uint64:
		visit(name, func() { v.SetUint(v.Uint() ^ 1) }, restore)
	default:
		visit(name, func() { v.SetInt(v.Int() ^ 1) }, restore)
	}
}

// TestHashFormStays: hashes are kept in snapshots and compared with those of other machines, so a
// change of the facts needs another HashForm.
func TestHashFormStays(t *testing.T) {
	images := []Image{
		{Owner: &isuride.Owner{ID: "o", Name: "名前", AccessToken: "t", ChairRegisterToken: "r", CreatedAt: 1, UpdatedAt: 2}},
		{Chair: &ChairImage{Chair: isuride.Chair{ID: "c", OwnerID: "o", Name: "n", Model: "m", IsActive: true, AccessToken: "a", CreatedAt: 3, UpdatedAt: 4},
			Track: Track{At: isuride.Coordinate{Latitude: -5, Longitude: 6}, Distance: 7, Reported: 8}, Stats: Stats{9, 10}, Sales: []Sale{{11, 12}, {13, 14}}, RideID: "r",
			Log: LogImage{true, []MessageImage{{RideID: "r", Status: isuride.Matching, RowID: "s", RowAt: 15}, {RideID: "r", Status: isuride.Enroute, RowID: "t", RowAt: 16}}}}},
		{User: &UserImage{User: isuride.User{ID: "u", Username: "n", Firstname: "f", Lastname: "l", DateOfBirth: "d", AccessToken: "a", InvitationCode: "i", CreatedAt: 17, UpdatedAt: 18},
			Token: "t", Invited: 1, Coupons: []isuride.Coupon{{UserID: "u", Code: "c", Discount: 3000, CreatedAt: 19, UsedBy: "r"}},
			Rides: []RideImage{{Ride: isuride.Ride{ID: "r", UserID: "u", ChairID: "c", Pickup: isuride.Coordinate{Latitude: 20}, Destination: isuride.Coordinate{Longitude: 21},
				Evaluation: 5, CreatedAt: 22, UpdatedAt: 23}, Fare: 24, Status: isuride.Enroute, StatusAt: 25, Passed: 26, MatchingID: "s", MatchingAt: 27, Charge: isuride.OpenCharge{Evaluation: 5}}}}},
	}
	var sum Hash
	for i := range images {
		sum = sum.plus(images[i].hash())
	}
	if want := "ceb9340d45b682f56fa2067dafccc2ae"; HashForm != 1 || sum.String() != want {
		t.Errorf("form %d has the hash %v, want %s in form 1", HashForm, sum, want)
	}
}

// TestOrderDoesNotMatter: events of people who have nothing to do with each other make the same
// state in any order.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	random := rand.New(rand.NewPCG(*seed, 1))
	var stories [3][][]byte
	for i := range stories {
		b := newFixture(t)
		c := b.chair(isuride.Coordinate{Latitude: int32(i)})
		b.complete(b.arrive(b.user(b.user("").InvitationCode), c, isuride.Coordinate{}, isuride.Coordinate{Latitude: 40}), 5)
		b.read(c.Log.Open(func() {}), &c.Log, ToChair)
		stories[i] = b.log.events
	}
	var first Hash
	for round := range 20 {
		r := NewRecovery(New(newFixture(t).options(), &isuride.Tables{}, nil), 0)
		rest := slices.Clone(stories[:])
		for seq := uint64(1); len(rest) > 0; seq++ {
			i := random.IntN(len(rest))
			if err := r.Replay(seq, rest[i][0]); err != nil {
				t.Fatal(err)
			}
			if rest[i] = rest[i][1:]; len(rest[i]) == 0 {
				rest = slices.Delete(rest, i, i+1)
			}
		}
		_, hash, _ := r.Hash()
		if round == 0 {
			first = hash
		} else if hash != first {
			t.Fatalf("in another order the hash is %v, not %v", hash, first)
		}
	}
}

// TestOneCountAtATime: a second one says so, and the first one is right in spite of it.
func TestOneCountAtATime(t *testing.T) {
	w := newRich(t)
	n, err := w.Count(func(*Image) error {
		if _, err := w.Count(func(*Image) error { return nil }); err != ErrCounting {
			return fmt.Errorf("another count says %v", err)
		}
		return nil
	})
	w.must(errors.Join(err, n.Err()))
	enough := errors.New("enough")
	if _, err := w.Count(func(*Image) error { return enough }); err != enough {
		t.Errorf("a count that its visitor ends says %v", err)
	}
	w.expectCounted()
}

// TestLostOutcome: a payment whose outcome cannot be recorded is under way as far as the log knows,
// and so are the state, its images and its hash. Another one may take its place.
func TestLostOutcome(t *testing.T) {
	for name, end := range map[string]func(w *rich, ch *Charge) error{
		"complete": func(w *rich, ch *Charge) error { _, err := w.Complete(ch); return err },
		"abandon": func(w *rich, ch *Charge) error {
			w.Abandon(ch, errors.New("no money"))
			_, err := ch.Wait()
			return err
		},
	} {
		w := newRich(t)
		w.log.fail = isuride.Errorf(isuride.Unavailable, "full")
		ch := w.open.charge
		expectCode(t, end(w, ch), isuride.Unavailable)
		_, err := ch.Wait()
		expectCode(t, err, isuride.Unavailable)
		w.log.fail = nil
		w.expectCounted()
		album := w.take(func() {})
		for _, s := range []*Store{w.replayed(), w.restored(album, len(w.log.events))} {
			if r, ok := s.rides.Load(w.open.ID); !ok || r.charge == nil || r.charge.Evaluation != ch.Evaluation {
				t.Fatalf("%s: a restart does not go on with the payment", name)
			}
		}
		again, first, err := w.BeginCharge(w.rider, w.open.ID, 1)
		if err != nil || !first || again == ch {
			t.Fatalf("%s: another try is answered %v, %v", name, first, err)
		}
		w.expectCounted()
		_, err = w.Complete(again)
		w.must(err)
		w.expectCounted()
		w.Release(w.open)
		w.expectSameAfterRestart()
	}
}

// TestCountBeginsInsideAVerb: an event that was prepared before a count and recorded after its
// beginning is not late, although the count before has visited what it changes.
func TestCountBeginsInsideAVerb(t *testing.T) {
	w := newRich(t)
	w.expectCounted()
	begun, ended := make(chan struct{}), make(chan struct{})
	var n Count
	var err error
	w.log.before = func() {
		w.log.before = nil
		go func() {
			defer close(ended)
			first := true
			n, err = w.Count(func(*Image) error {
				if first {
					close(begun)
				}
				first = false
				return nil
			})
		}()
		<-begun // with an owner, whom the report does not lock
	}
	w.report(w.chair, isuride.Coordinate{Latitude: 9})
	<-ended
	w.must(errors.Join(err, n.Err()))
}

// TestReplica: who replays the log of a leader has, at the position that the leader names, the hash
// that the leader had; once its state is another one it never has again.
func TestReplica(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	p := newPlayer(t, *seed, 99)
	named := map[uint64]Hash{}
	for i := range 1000 {
		p.step()
		if i%50 == 0 {
			position, hash := p.Hash()
			named[position] = hash
		}
	}
	album := p.take(func() { p.step() })
	position, hash := p.Hash()
	named[position] = hash
	restoration := NewRestoration(p.options(), p.base.ChairModels, Size{})
	for _, i := range album.images {
		p.must(restoration.Add(i))
	}
	late, err := restoration.Recovery(album.span, album.hash)
	p.must(err)
	if n := p.follow(late, album.span.From, named, func(*Store, uint64) {}); n != 0 {
		t.Errorf("a replica that began with a snapshot differs at %d positions", n)
	}
	if _, at, ok := late.Hash(); !ok || at != hash {
		t.Errorf("in the end it has the hash %v, not %v", at, hash)
	}
	half := uint64(len(p.log.events) / 2)
	n := p.follow(NewRecovery(New(p.options(), &p.base, nil), 0), 0, named, func(s *Store, seq uint64) {
		if seq == half {
			p.plant(s)
		}
	})
	later := 0
	for position := range named {
		if position >= half { // planted before this event
			later++
		}
	}
	if n != later || n == 0 {
		t.Errorf("a replica whose state is another one differs at %d of %d positions", n, later)
	}
}

// behind is the log of a replica, as far as it has applied it.
type behind struct{ *Recovery }

func (behind) AppendNoted([]byte, interface{ Recorded(uint64) }) (uint64, error) {
	return 0, errors.New("a replica records nothing")
}

func (b behind) Appended() uint64 { return b.last }

func (b behind) Hold(f func(last uint64)) { f(b.last) }

// TestReplicaCounts: a replica that goes on with the log between any two images counts what the
// leader had, and its images are as good as the leader's, open charges included.
func TestReplicaCounts(t *testing.T) {
	t.Logf("seed %d (repeat with -seed)", *seed)
	for round := range uint64(5) {
		p := newPlayer(t, *seed, 200+round)
		for range 1500 {
			p.step()
		}
		options := p.options()
		s := New(options, &p.base, nil)
		r := NewRecovery(s, 0)
		s.opt.Log = behind{r}
		goOn := func(n int) {
			for range min(n, len(p.log.events)-int(r.last)) {
				p.must(r.Replay(r.last+1, p.log.events[r.last]))
			}
		}
		for r.last < uint64(len(p.log.events)) {
			goOn(p.IntN(200))
			var a album
			n, err := s.Count(func(i *Image) error {
				a.images = append(a.images, keepImage(i))
				goOn(p.IntN(4))
				return nil
			})
			p.must(errors.Join(err, n.Err()))
			if n.To > 0 && n.Sum != p.log.hashes[n.To-1] {
				t.Fatalf("at event %d a replica has counted %v, the leader had %v", n.To, n.Sum, p.log.hashes[n.To-1])
			}
			a.span, a.hash = n.Span, n.Sum
			p.expectSame(a, len(p.log.events))
		}
	}
}

// follow replays the log from an event on, and counts the positions at which the hash is not the
// one that was named.
func (b *fixture) follow(r *Recovery, from uint64, named map[uint64]Hash, before func(*Store, uint64)) (different int) {
	b.t.Helper()
	for seq := from + 1; seq <= uint64(len(b.log.events)); seq++ {
		before(r.Store(), seq)
		b.must(r.Replay(seq, b.log.events[seq-1]))
		want, is := named[seq]
		if _, got, exact := r.Hash(); is && exact && got != want {
			different++
		}
	}
	return different
}

// plant changes a distance, and the sum as if it had come so.
func (b *fixture) plant(s *Store) {
	b.t.Helper()
	planted := false
	s.chairsByID.Range(func(_ string, c *Chair) bool {
		if c.track.Reported != 0 {
			before := trackFact(c.key, &c.track)
			c.track.Distance++
			s.tally.sum, planted = s.tally.sum.minus(before).plus(trackFact(c.key, &c.track)), true
		}
		return !planted
	})
	if !planted {
		b.t.Fatal("no chair has reported")
	}
}

// hashings are what the events of a ride take for the hash, the most frequent ones first.
func hashings(w *rich) map[string]func(d *delta) {
	status := isuride.RideStatus{ID: "01M8KDJKYKS000000000000001", RideID: w.open.ID, Status: isuride.Carrying, CreatedAt: testStart}
	completed := isuride.RideStatus{ID: "01M8KDJKYKS000000000000002", RideID: w.open.ID, Status: isuride.Completed, CreatedAt: testStart}
	row := w.open.rowLocked()
	at := isuride.ChairLocation{Coordinate: isuride.Coordinate{Latitude: 44}, CreatedAt: testStart << 1}
	last := Message{Ride: w.open, Status: isuride.Matching, row: w.open.matching}
	next := Message{Ride: w.open, Status: isuride.Enroute, row: statusRow{status.ID, status.CreatedAt}}
	return map[string]func(d *delta){
		"report":   func(d *delta) { d.reportLocked(w.chair, &at) },
		"deliver":  func(d *delta) { d.deliver(&last, &next, ToChair) },
		"advance":  func(d *delta) { d.advanceLocked(w.open, &status, whole) },
		"assign":   func(d *delta) { d.assignLocked(w.open, w.chair, testStart, whole) },
		"complete": func(d *delta) { d.completeLocked(w.open, &row, &completed, whole) },
	}
}

// BenchmarkHash tells what each kind of event takes for the hash. Fifty of the sixty or so of a ride are reports.
func BenchmarkHash(b *testing.B) {
	w := newRich(b)
	for name, hash := range hashings(w) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			d := w.delta()
			for b.Loop() {
				d.sum = Hash{}
				hash(&d)
				w.tally.apply(&d)
			}
		})
	}
}

func TestHashDoesNotAllocate(t *testing.T) {
	w := newRich(t)
	for name, hash := range hashings(w) {
		d := w.delta()
		if n := allocs.PerRun(100, func() {
			hash(&d)
			w.tally.apply(&d)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
