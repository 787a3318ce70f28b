package engine

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"isuride/webapp/flush"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
	"isuride/webapp/state"
)

// mysql syncs every commit, as a real one does.
var mysql = mysqltest.Server{Durable: true}

func TestMain(m *testing.M) {
	code := m.Run()
	mysql.Close()
	os.Exit(code)
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func openJournal(b *testing.B, dir string) *journal.Journal {
	b.Helper()
	j, err := journal.Open(journal.Options{Dir: dir, Log: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	return j
}

func newStore(log state.EventLog, rows *isuride.Tables) *state.Store {
	return state.New(state.Options{Log: log, Now: func() isuride.Time { return isuride.TimeOf(time.Now()) },
		Describe: func(*isuride.Chair) []byte { return nil }}, rows, nil)
}

// liveCity records whole rides, with the mix of events of a load test: 60 position
// reports a ride, 12 deliveries, and now and then a new user and chair.
func liveCity(b *testing.B, j *journal.Journal, rides int) {
	b.Helper()
	s := newStore(j, &isuride.Tables{})
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	o, err := s.RegisterOwner("owner")
	check(err)
	var u *state.User
	var c *state.Chair
	for i := range rides {
		if i%3 == 0 {
			u, err = s.RegisterUser(state.NewUser{Username: fmt.Sprint("user", i), Firstname: "Ann", Lastname: "Lee", DateOfBirth: "2000-01-01"})
			check(err)
			check(s.SetPaymentToken(u, "token"))
		}
		if i%20 == 0 {
			c, err = s.RegisterChair(o.ChairRegisterToken, "AB-1-1", "SitEase")
			check(err)
			check(s.SetActivity(c, true))
			_, err = s.Report(c, isuride.Coordinate{})
			check(err)
		}
		check(oneRide(s, u, c))
	}
}

func oneRide(s *state.Store, u *state.User, c *state.Chair) error {
	pickup, destination := isuride.Coordinate{Latitude: 10}, isuride.Coordinate{Latitude: 40, Longitude: 30}
	r, err := s.RequestRide(u, pickup, destination)
	if err != nil {
		return err
	}
	if ok, err := s.Assign(r, c, nil); !ok || err != nil {
		return fmt.Errorf("assign: %v, %w", ok, err)
	}
	if err := s.Advance(c, r.ID, isuride.Enroute); err != nil {
		return err
	}
	for i := range int32(10) {
		s.Report(c, isuride.Coordinate{Latitude: 20 - i})
	}
	s.Report(c, pickup)
	if err := s.Advance(c, r.ID, isuride.Carrying); err != nil {
		return err
	}
	for i := range int32(48) {
		s.Report(c, isuride.Coordinate{Latitude: i, Longitude: 1})
	}
	s.Report(c, destination)
	ch, _, err := s.BeginCharge(u, r.ID, 5)
	if err != nil {
		return err
	}
	if _, err := s.Complete(ch); err != nil {
		return err
	}
	s.Release(r)
	deliverAll(s, &u.Log, state.ToUser)
	deliverAll(s, &c.Log, state.ToChair)
	return nil
}

func deliverAll(s *state.Store, log *state.Log, side state.Side) {
	stream := log.Open(func() {})
	defer stream.Close()
	for {
		_, n, ok := stream.Next()
		if !ok {
			return
		}
		s.Delivered(log, side, n)
	}
}

// BenchmarkRecovery opens a journal of 150,000 events and replays it.
func BenchmarkRecovery(b *testing.B) {
	dir := b.TempDir()
	j := openJournal(b, dir)
	liveCity(b, j, 2000)
	events := j.Appended()
	j.Close()
	for b.Loop() {
		j := openJournal(b, dir)
		g := &Generation{journal: j, cfg: &Config{}}
		if err := g.replay(state.NewRecovery(newStore(j, &isuride.Tables{}), 0), j.Oldest(), state.Span{}, 0); err != nil {
			b.Fatal(err)
		}
		j.Close()
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkWriteBehind brings an empty database after a journal of 75,000 events, as
// fast as it can.
func BenchmarkWriteBehind(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		benchmarkWriteBehind(b, sqlstore.Config{Dialect: sqlstore.SQLite, Path: filepath.Join(b.TempDir(), "isuride.db")})
	})
	b.Run("mysql", func(b *testing.B) { benchmarkWriteBehind(b, mysql.Config(b)) })
}

func benchmarkWriteBehind(b *testing.B, c sqlstore.Config) {
	ctx := context.Background()
	db, err := sqlstore.Open(ctx, c, quiet())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	j := openJournal(b, b.TempDir())
	defer j.Close()
	liveCity(b, j, 1000)
	rows := uint64(0)
	for generation := uint64(1); b.Loop(); generation++ {
		b.StopTimer()
		if err := db.Reset(ctx, generation, &isuride.Tables{}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		rows += writeAll(b, ctx, db, j, generation)
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// writeAll writes the whole journal, which is not released so that it can be written
// again.
func writeAll(b *testing.B, ctx context.Context, db *sqlstore.Store, j *journal.Journal, generation uint64) uint64 {
	from, err := j.ReadFrom(1)
	if err != nil {
		b.Fatal(err)
	}
	defer from.Close()
	w := flush.New(flush.Options{Source: from, Log: keeping{j}, Target: db, Generation: generation,
		Now: func() isuride.Time { return isuride.Time(time.Now().UnixMicro()) }, Transient: func(err error) bool { return !sqlstore.IsHopeless(err) },
		Logger: quiet()})
	go w.Run(ctx)
	if err := w.Drain(ctx); err != nil {
		b.Fatal(err)
	}
	return w.Stats().Rows
}

type keeping struct{ *journal.Journal }

func (keeping) Release(uint64) {}
