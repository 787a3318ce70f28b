package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"isuride/tools/dev/paymentmock/gateway"
	"isuride/webapp/dispatch"
	"isuride/webapp/engine"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/match"
	"isuride/webapp/payment"
	"isuride/webapp/snapshot"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// legacy is what a server has left: its data folder, and the gateway that it used.
type legacy struct {
	t       *testing.T
	dir     string
	gateway string
	mock    *gateway.Gateway
	rides   []string // completed, in order
	user    *state.User
}

var quiet = slog.New(slog.DiscardHandler)

func (l *legacy) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *legacy) journals() string { return filepath.Join(l.dir, "journal") }
func (l *legacy) database() string { return filepath.Join(l.dir, "isuride.db") }

// folder is that of the generation's journal.
func (l *legacy) folder() string { return journal.GenerationPath(l.journals(), 2) }

// live runs a server for a while.
func live(t *testing.T) *legacy {
	l := &legacy{t: t, dir: t.TempDir(), mock: gateway.New(gateway.Options{})}
	server := httptest.NewServer(l.mock)
	t.Cleanup(server.Close)
	l.gateway = server.URL
	db, err := sqlstore.Open(t.Context(), sqlstore.Config{Dialect: sqlstore.SQLite, Path: l.database()}, quiet)
	l.must(err)
	e, err := engine.Start(context.Background(), db, engine.Config{JournalDir: l.journals(), KeepJournal: 1 << 30, InitialData: sqlstore.InitialTables,
		Describe: func(*isuride.Chair) []byte { return nil }, Solver: func() dispatch.Solver { return new(match.Workspace) }, Dispatch: dispatch.DefaultParams(),
		Snapshots: engine.Snapshots{Tail: 1, Every: time.Hour, Least: 1}, Now: func() isuride.Time { return isuride.TimeOf(time.Now()) }, Log: quiet})
	l.must(err)
	l.must(e.Initialize(l.gateway, func() bool { return false }))
	s := e.Current().Store
	l.user, err = s.RegisterUser(state.NewUser{Username: "rider", Firstname: "a", Lastname: "b", DateOfBirth: "c"})
	l.must(err)
	l.must(s.SetPaymentToken(l.user, "token"))
	for range 3 {
		l.ride(e)
	}
	_, err = e.Snapshot()
	l.must(err)
	l.ride(e)
	_, err = s.RequestRide(l.user, isuride.Coordinate{Latitude: 900}, isuride.Coordinate{Latitude: 990}) // too far for anybody
	l.must(err)
	l.must(errors.Join(e.Stop(), db.Close()))
	return l
}

// ride drives one ride to its end.
func (l *legacy) ride(e *engine.Engine) {
	l.t.Helper()
	s := e.Current().Store
	o, err := s.RegisterOwner(fmt.Sprint("owner", len(l.rides)))
	l.must(err)
	c, err := s.RegisterChair(o.ChairRegisterToken, "AB", "SitEase")
	l.must(err)
	at := isuride.Coordinate{Latitude: int32(100 + 10*len(l.rides)), Longitude: -77}
	r, err := s.RequestRide(l.user, at, isuride.Coordinate{Latitude: 130, Longitude: -20})
	l.must(err)
	l.must(s.SetActivity(c, true))
	_, err = s.Report(c, at)
	l.must(err)
	if _, err := s.Assign(r, c, nil); err != nil { // unless matching has been faster
		l.t.Fatal(err)
	}
	for r.Chair() == nil {
		l.must(e.Current().Match())
	}
	c = r.Chair()
	l.must(s.Advance(c, r.ID, isuride.Enroute))
	_, err = s.Report(c, at)
	l.must(err)
	l.must(s.Advance(c, r.ID, isuride.Carrying))
	_, err = s.Report(c, r.Destination)
	l.must(err)
	_, release, err := e.Current().Rate(l.user, r.ID, 4)
	l.must(err)
	release()
	l.rides = append(l.rides, r.ID)
}

// copy copies the data folder.
func (l *legacy) copy(t *testing.T) *legacy {
	c := *l
	c.t, c.dir = t, filepath.Join(t.TempDir(), "copy")
	c.must(os.CopyFS(c.dir, os.DirFS(l.dir)))
	return &c
}

// audit returns what was told, and the error.
func (l *legacy) audit(gateway string) (told string, err error) {
	var b strings.Builder
	err = Run(l.t.Context(), Options{DB: sqlstore.Config{Dialect: sqlstore.SQLite, Path: l.database()}, Journal: l.journals(), Gateway: gateway, Log: quiet,
		Tell: func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }})
	return b.String(), err
}

// pay charges at the gateway behind the server's back.
func (l *legacy) pay(key string, yen int) {
	l.t.Helper()
	g := payment.New(l.gateway, payment.Options{})
	defer g.Close()
	l.must(g.Charge(l.t.Context(), "token", yen, key))
}

func (l *legacy) statement(text string, args ...any) {
	l.t.Helper()
	db, err := sql.Open("sqlite", l.database())
	l.must(err)
	defer db.Close()
	result, err := db.Exec(text, args...)
	l.must(err)
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		l.t.Fatalf("%s: %d rows, %v", text, n, err)
	}
}

// forge writes the journal again with one event changed, and right checksums.
func (l *legacy) forge(which func(*isuride.Event) bool, change func(*isuride.Event)) {
	l.t.Helper()
	var records [][]byte
	var history journal.History
	first, forged := uint64(0), false
	var d isuride.Decoder
	l.must(journal.Look(l.folder(), func(s journal.Sight) error {
		if s.Remark != "" {
			return nil
		}
		if first == 0 {
			first = s.Seq
		}
		if e, err := d.Decode(s.Payload); err == nil && !forged && which(e) {
			change(e)
			forged = true
			records = append(records, e.Append(nil))
		} else {
			records = append(records, slices.Clone(s.Payload))
		}
		history = s.History
		return nil
	}))
	if !forged {
		l.t.Fatal("there is no such event")
	}
	paths, err := filepath.Glob(filepath.Join(l.folder(), "*.segment*"))
	l.must(err)
	for _, path := range paths {
		l.must(os.Remove(path))
	}
	j, err := journal.Open(journal.Options{Dir: l.folder(), History: history, First: first, Log: quiet})
	l.must(err)
	for _, payload := range records {
		_, err := j.Append(payload)
		l.must(err)
	}
	l.must(j.Close())
}

// reimage writes each snapshot again with images changed.
func (l *legacy) reimage(change func(*state.Image)) {
	l.t.Helper()
	paths, err := snapshot.List(l.folder())
	l.must(err)
	if len(paths) == 0 {
		l.t.Fatal("there is no snapshot")
	}
	for _, path := range paths {
		r, err := snapshot.Open(path)
		l.must(err)
		h := r.Header()
		_, err = snapshot.Write(l.folder(), h, func(add func(*state.Image) error) (snapshot.End, error) {
			return h.End, r.Each(func(i *state.Image) error { change(i); return add(i) })
		})
		l.must(errors.Join(err, r.Close()))
	}
}

func TestSound(t *testing.T) {
	l := live(t)
	if paths, err := snapshot.List(l.folder()); err != nil || len(paths) == 0 {
		t.Fatal("no snapshot", err)
	}
	told, err := l.audit("database")
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	for _, words := range []string{"are what was written with them", "hashes compared", "are as the journal has them", "the same rides, coupons and sales", "the payments of 1 users are those of the books", "everything adds up"} {
		if !strings.Contains(told, words) {
			t.Errorf("it does not say %q:\n%s", words, told)
		}
	}
	again, err := l.audit("")
	if err != nil || strings.Contains(again, "gateway") {
		t.Errorf("a second time, without the gateway: %v\n%s", err, again)
	}
}

// TestPlantedFaults: each fault is the first thing that is told, with the ride, coupon or user.
func TestPlantedFaults(t *testing.T) {
	sound := live(t)
	completed := func(e *isuride.Event) bool { return e.Kind == isuride.RideCompleted }
	for _, c := range []struct {
		fault string
		plant func(l *legacy)
		names func(l *legacy) []string
	}{
		{"a ride of other coordinates in SQL", func(l *legacy) {
			l.statement("UPDATE rides SET pickup_latitude = pickup_latitude - 1 WHERE id = ?", l.rides[1])
		},
			func(l *legacy) []string { return []string{l.rides[1], "a difference of 100 yen"} }},
		{"a yen more in a coupon in SQL", func(l *legacy) {
			l.statement("UPDATE coupons SET discount = discount + 1 WHERE user_id = ?", l.user.ID)
		},
			func(l *legacy) []string { return []string{l.user.ID, "3001"} }},
		{"a coupon that is open again in SQL", func(l *legacy) { l.statement("UPDATE coupons SET used_by = NULL WHERE user_id = ?", l.user.ID) },
			func(l *legacy) []string { return []string{l.user.ID, l.rides[0]} }},
		{"a ride that is gone from SQL", func(l *legacy) { l.statement("DELETE FROM rides WHERE id = ?", l.rides[2]) },
			func(l *legacy) []string { return []string{l.rides[2], "missing"} }},
		{"another rating in SQL", func(l *legacy) { l.statement("UPDATE rides SET evaluation = 1 WHERE id = ?", l.rides[2]) },
			func(l *legacy) []string { return []string{l.rides[2], "evaluation is 1"} }},
		{"a completion that is gone from SQL", func(l *legacy) {
			l.statement("DELETE FROM ride_statuses WHERE ride_id = ? AND status = 'COMPLETED'", l.rides[3])
		}, func(l *legacy) []string { return []string{l.rides[3]} }},
		{"another payment token in SQL", func(l *legacy) { l.statement("UPDATE payment_tokens SET token = 'x' WHERE user_id = ?", l.user.ID) },
			func(l *legacy) []string { return []string{"payment token of user " + l.user.ID} }},
		{"the sums in SQL", func(l *legacy) { l.statement("UPDATE journal_position SET riders_paid = riders_paid + 1") },
			func(l *legacy) []string { return []string{"riders paid", "(-1)"} }},
		{"a head of the chain in SQL", func(l *legacy) { l.statement("UPDATE journal_position SET chain = 'ab'") },
			func(l *legacy) []string { return []string{"was changed after it was recorded"} }},
		{"a yen in an old event of the journal", func(l *legacy) {
			l.forge(completed, func(e *isuride.Event) { e.Ride.Destination.Latitude++ })
		}, func(l *legacy) []string { return []string{"was changed after it was recorded"} }},
		{"a name in an old event of the journal", func(l *legacy) {
			l.forge(func(e *isuride.Event) bool { return e.Kind == isuride.OwnerRegistered }, func(e *isuride.Event) { e.Owner.Name = "mine" })
		}, func(l *legacy) []string { return []string{"was changed after it was recorded"} }},
		{"an event of the journal, and its chain", func(l *legacy) {
			l.forge(completed, func(e *isuride.Event) { e.Ride.Evaluation = 5 })
			l.statement("DELETE FROM journal_chain")
			l.statement("UPDATE journal_position SET chain = '', chain_position = 0")
		}, func(l *legacy) []string { return []string{l.rides[0], "evaluation is 4"} }},
		{"a fare in a snapshot", func(l *legacy) {
			l.reimage(func(i *state.Image) {
				if i.User != nil && i.User.ID == l.user.ID {
					i.User.Rides[1].Fare++
				}
			})
		}, func(l *legacy) []string { return []string{l.rides[1], ".snapshot"} }},
		{"a sale in a snapshot", func(l *legacy) {
			l.reimage(func(i *state.Image) {
				if i.Chair != nil && len(i.Chair.Sales) > 0 {
					i.Chair.Sales = slices.Clone(i.Chair.Sales)
					i.Chair.Sales[0].Sum += 5
				}
			})
		}, func(l *legacy) []string { return []string{"the sales of chair", ".snapshot"} }},
		{"a coupon in a snapshot", func(l *legacy) {
			l.reimage(func(i *state.Image) {
				if i.User != nil && i.User.ID == l.user.ID {
					i.User.Coupons[0].Discount--
				}
			})
		}, func(l *legacy) []string { return []string{l.user.ID, "2999"} }},
		{"a journal that is gone", func(l *legacy) { l.must(os.RemoveAll(l.folder())) }, func(l *legacy) []string { return []string{"journal"} }},
	} {
		t.Run(c.fault, func(t *testing.T) {
			l := sound.copy(t)
			c.plant(l)
			told, err := l.audit("")
			var f *Fault
			if !errors.As(err, &f) {
				t.Fatalf("found %v\n%s", err, told)
			}
			for _, word := range c.names(l) {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("found %v, which does not name %s", err, word)
				}
			}
			if strings.Contains(told, "everything adds up") || strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("it says\n%s%v", told, err)
			}
		})
	}
}

// TestGatewayFaults: the gateway has a payment too many, or has forgotten one.
func TestGatewayFaults(t *testing.T) {
	l := live(t)
	l.pay("another key", 777)
	if _, err := l.audit(l.gateway); err == nil || !strings.Contains(err.Error(), "777 yen") || !strings.Contains(err.Error(), l.user.ID) {
		t.Errorf("a payment too many: %v", err)
	}
	forgetful := httptest.NewServer(gateway.New(gateway.Options{}))
	defer forgetful.Close()
	l.gateway = forgetful.URL
	l.pay("some other ride", 700)
	_, err := l.audit(l.gateway)
	if err == nil || !strings.Contains(err.Error(), l.rides[0]) {
		t.Errorf("found %v, want ride %s", err, l.rides[0])
	}
}

// TestTailIsJudged: events that the database does not have yet are checked as a start does.
func TestTailIsJudged(t *testing.T) {
	l := live(t)
	forged := isuride.Event{Kind: isuride.RideRequested,
		Ride:    &isuride.Ride{ID: "forged", UserID: l.user.ID, CreatedAt: 1, UpdatedAt: 1},
		Status:  &isuride.RideStatus{ID: "s", RideID: "forged", Status: isuride.Matching, CreatedAt: 1},
		Coupons: []isuride.Coupon{{UserID: l.user.ID, Code: isuride.SignupCode, Discount: 3000, UsedBy: "forged"}}}
	info, err := journal.Inspect(l.folder())
	l.must(err)
	j, err := journal.Open(journal.Options{Dir: l.folder(), History: info.History, First: info.Last + 1, Keep: 1 << 30, Log: quiet})
	l.must(err)
	seq, err := j.Append(forged.Append(nil))
	l.must(errors.Join(err, j.Close()))
	told, err := l.audit("")
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("event %d contradicts the books", seq)) {
		t.Errorf("found %v\n%s", err, told)
	}
}

// TestMarkedLog: a log of entries tells by itself that one was changed.
func TestMarkedLog(t *testing.T) {
	l := &legacy{t: t, dir: t.TempDir()}
	options := journal.Options{Dir: l.folder(), Durability: journal.Crash, Replicated: true, Keep: 1 << 30, Log: quiet}
	for life := range 4 { // each ends with a mark
		j, err := journal.Open(options)
		l.must(err)
		l.must(j.Lead(1))
		for i := range 3 {
			_, err := j.Append((&isuride.Event{Kind: isuride.OwnerRegistered, Owner: &isuride.Owner{ID: fmt.Sprint(life, i), Name: "a"}}).Append(nil))
			l.must(err)
		}
		_, _, err = j.Seal(j.LastIndex()+1, 1, nil, false)
		l.must(errors.Join(err, j.Close()))
	}
	read := func() error {
		r := &reading{auditor: &auditor{have: &sqlstore.Snapshot{History: (journal.History{}).String()}, images: newImages()}, told: func(uint64) {}}
		return journal.Look(l.folder(), r.see)
	}
	l.must(read())
	l.forge(func(e *isuride.Event) bool { return e.Owner.ID == "2 1" }, func(e *isuride.Event) { e.Owner.Name = "b" })
	if err := read(); err == nil || !strings.Contains(err.Error(), "was changed after it was recorded") {
		t.Errorf("found %v", err)
	}
}
