package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
	"isuride/webapp/recount"
	"isuride/webapp/sqlstore"
	"isuride/webapp/sqlstore/mysqltest"
)

var mysql mysqltest.Server

func TestMain(m *testing.M) {
	code := m.Run()
	mysql.Close()
	durable.Close()
	os.Exit(code)
}

// eachDialect runs f on an empty database of each kind.
func eachDialect(t *testing.T, f func(t *testing.T, c sqlstore.Config)) {
	t.Run("SQLite", func(t *testing.T) { f(t, sqliteConfig(t)) })
	t.Run("MySQL", func(t *testing.T) { f(t, mysql.Config(t)) })
}

// sqliteConfig names a file in a folder that is still to be made, with characters that
// mean something in a URL.
func sqliteConfig(tb testing.TB) sqlstore.Config {
	return sqlstore.Config{Path: filepath.Join(tb.TempDir(), "folder ?#%41", "isuride.db")}
}

func open(tb testing.TB, c sqlstore.Config) *sqlstore.Store {
	tb.Helper()
	s := openOnly(tb, c)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// openOnly leaves the closing to the caller.
func openOnly(tb testing.TB, c sqlstore.Config) *sqlstore.Store {
	tb.Helper()
	s, err := sqlstore.Open(context.Background(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// connect opens the database past the store.
func connect(t *testing.T, c sqlstore.Config) *sqlx.DB {
	t.Helper()
	driver, source := "sqlite", sqliteSource(c)
	if c.Dialect == sqlstore.MySQL {
		driver, source = "mysql", mysqltest.Source(c)
	}
	db, err := sqlx.Connect(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// direct runs a statement past the store.
func direct(t *testing.T, c sqlstore.Config, statement string) {
	t.Helper()
	db := connect(t, c)
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// directText is the one value that the query yields past the store.
func directText(t *testing.T, c sqlstore.Config, query string) (text string) {
	t.Helper()
	db := connect(t, c)
	defer db.Close()
	if err := db.Get(&text, query); err != nil {
		t.Fatal(err)
	}
	return text
}

// killOthers ends all connections to the database, as a restart of the server does, and returns when their
// locks are free, which on a busy machine takes a while.
func killOthers(t *testing.T, c sqlstore.Config) {
	t.Helper()
	db := connect(t, c)
	defer db.Close()
	var ids []int64
	if err := db.Select(&ids, "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		_, err := db.Exec(fmt.Sprintf("KILL CONNECTION %d", id))
		var m *mysqldriver.MySQLError
		if err != nil && !(errors.As(err, &m) && m.Number == 1094) { // it has gone by itself
			t.Fatal(err)
		}
		awaitProcesses(t, c, 0, fmt.Sprintf("id = %d", id))
	}
}

// awaitProcesses waits until the server has so many processes of a kind. One that has gone holds no locks.
func awaitProcesses(t *testing.T, c sqlstore.Config, want int, which string) {
	t.Helper()
	db := connect(t, c)
	defer db.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		var n int
		if err := db.Get(&n, "SELECT COUNT(*) FROM information_schema.processlist WHERE "+which); err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d processes have %s, want %d", n, which, want)
		}
	}
}
func sqliteSource(c sqlstore.Config) string { return "file:" + (&url.URL{Path: c.Path}).EscapedPath() }

// reset, write and load fail the test if the store does.

func reset(t *testing.T, s *sqlstore.Store, generation uint64, rows *isuride.Tables) {
	t.Helper()
	if err := s.Reset(t.Context(), generation, rows); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, s *sqlstore.Store, generation, position uint64, rows *isuride.Tables) {
	t.Helper()
	if err := s.WriteCut(t.Context(), generation, position, rows); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, s *sqlstore.Store) *sqlstore.Snapshot {
	t.Helper()
	snapshot, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

func state(t *testing.T, s *sqlstore.Store) sqlstore.State {
	t.Helper()
	st, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// bareState is the state without its history, which is random.
func bareState(t *testing.T, s *sqlstore.Store) sqlstore.State {
	t.Helper()
	st := state(t, s)
	if st.Generation > 0 && len(st.History) != 32 {
		t.Errorf("the history is %q", st.History)
	}
	st.History = ""
	return st
}

func wantTables(t *testing.T, got, want *isuride.Tables) {
	t.Helper()
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range g.NumField() {
		if g.Field(i).Kind() == reflect.Slice && g.Field(i).Len() == 0 && w.Field(i).Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", g.Type().Field(i).Name, g.Field(i), w.Field(i))
		}
	}
}

// A moment of the data set, and texts that break a careless quoting.
const (
	at    = isuride.Time(1732579200123456)
	awful = "a'b\\c\"d`\x00\n\r\x1a%_\\'😀\u2028é"
)

// fullTables has two rows in each table: one with awful values in all columns, and one
// with as little as there can be.
func fullTables() *isuride.Tables {
	return &isuride.Tables{
		Totals:      &isuride.Totals{Requested: 1, Completed: 2, Owed: 3, Paid: 4, Discounts: 5, Sales: 6, UnderWay: 7, Issued: 8, Used: 9},
		Settings:    []isuride.Setting{{Name: "a", Value: awful}, {Name: "b"}},
		ChairModels: []isuride.ChairModel{{Name: "Quartz 椅子", Speed: 7}, {Name: "ヴ", Speed: -1}},
		Owners: []isuride.Owner{
			{ID: "o1", Name: awful, AccessToken: "t'1", ChairRegisterToken: "r\\", CreatedAt: at, UpdatedAt: at + 1},
			{ID: "o2", CreatedAt: at, UpdatedAt: at},
		},
		Users: []isuride.User{
			{ID: "u1", Username: awful, Firstname: awful, Lastname: awful, DateOfBirth: awful, AccessToken: awful, InvitationCode: awful,
				CreatedAt: at, UpdatedAt: at + 999999},
			{ID: "u2", CreatedAt: at, UpdatedAt: at},
		},
		PaymentTokens: []isuride.PaymentToken{{UserID: "u1", Token: awful, CreatedAt: at}, {UserID: "u2", CreatedAt: at}},
		Chairs: []isuride.Chair{
			{ID: "c1", OwnerID: "o1", Name: awful, Model: awful, IsActive: true, AccessToken: awful, CreatedAt: at, UpdatedAt: at + 7},
			{ID: "c2", CreatedAt: at, UpdatedAt: at},
		},
		ChairLocations: []isuride.ChairLocation{
			{ID: "any string", ChairID: "c1", Coordinate: isuride.Coordinate{Latitude: -2147483648, Longitude: 2147483647}, CreatedAt: at},
			{ID: "l2", ChairID: "c1", CreatedAt: at + 1},
		},
		ChairDistances: []isuride.ChairDistance{
			{ChairID: "c2", Total: 1 << 40, Coordinate: isuride.Coordinate{Latitude: -5, Longitude: 6}, ReportedAt: at + 2},
			{ChairID: "c3", ReportedAt: at},
		},
		Rides: []isuride.Ride{
			{ID: "r1", UserID: "u1", ChairID: "c1", Pickup: isuride.Coordinate{Latitude: 1, Longitude: -2},
				Destination: isuride.Coordinate{Latitude: 3, Longitude: -4}, Evaluation: 5, CreatedAt: at, UpdatedAt: at + 3},
			{ID: "r2", CreatedAt: at, UpdatedAt: at},
		},
		RideStatuses: []isuride.RideStatus{
			{ID: "s1", RideID: "r1", Status: isuride.Completed, CreatedAt: at, AppSentAt: at + 1, ChairSentAt: at + 2},
			{ID: "s2", RideID: "r1", Status: isuride.Matching, CreatedAt: at},
		},
		Coupons: []isuride.Coupon{
			{UserID: "u1", Code: awful, Discount: 3000, CreatedAt: at, UsedBy: "r1"},
			{UserID: "u1", Code: "b", CreatedAt: at},
		},
	}
}

// TestFullTablesAreFull: a field that fullTables leaves out could lack its column, and no
// test would see it.
func TestFullTablesAreFull(t *testing.T) {
	tables := reflect.ValueOf(fullTables()).Elem()
	for i := range tables.NumField() {
		if tables.Type().Field(i).Name == "Chain" { // of cuts only: TestChain
			continue
		}
		row := tables.Field(i)
		if row.Kind() == reflect.Slice {
			row = row.Index(0)
		} else {
			row = row.Elem()
		}
		for j := range row.NumField() {
			if row.Field(j).IsZero() {
				t.Errorf("%s.%s is empty", row.Type(), row.Type().Field(j).Name)
			}
		}
	}
}

// TestCountBooks: the database comes to the same sums as a count of the rows.
func TestCountBooks(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		rows, err := sqlstore.InitialTables()
		if err != nil {
			t.Fatal(err)
		}
		ride := rows.Rides[0] // of a price that a coupon has brought down to the least, far away, and not over yet
		ride.ID, ride.Evaluation = "far", 0
		ride.Pickup, ride.Destination = isuride.Coordinate{Latitude: math.MinInt32, Longitude: 5}, isuride.Coordinate{Latitude: math.MaxInt32, Longitude: -5}
		near := ride
		near.ID, near.Destination = "near", near.Pickup
		rows.Rides = append(rows.Rides, ride, near)
		rows.RideStatuses = append(rows.RideStatuses, isuride.RideStatus{ID: "far", RideID: "far", Status: isuride.Matching, CreatedAt: at},
			isuride.RideStatus{ID: "near", RideID: "near", Status: isuride.Matching, CreatedAt: at})
		rows.Coupons = append(rows.Coupons, isuride.Coupon{UserID: ride.UserID, Code: "other", Discount: 300, CreatedAt: at, UsedBy: "near"})
		want := recount.Tables(rows).Totals
		reset(t, s, 1, rows)
		counted, written, err := s.CountBooks(t.Context())
		if err != nil || counted != want || written != nil {
			t.Errorf("got %+v and %v, %v; want %+v and no totals", counted, written, err, want)
		}
		rows.Totals = &want
		reset(t, s, 2, rows)
		if _, written, err = s.CountBooks(t.Context()); err != nil || written == nil || *written != want {
			t.Errorf("got totals %v, %v", written, err)
		}
	})
}

// TestChain: a cut writes its head and links, and the tables forget what is before the log.
func TestChain(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, fullTables())
		if got := load(t, s).Head; got != (isuride.Link{}) {
			t.Errorf("a new database has the head %+v", got)
		}
		cut := func(to, oldest uint64, hash string, ended ...isuride.Link) {
			write(t, s, 1, to, &isuride.Tables{Chain: &isuride.Chain{Head: isuride.Link{Position: to, Hash: hash}, Ended: ended, Oldest: oldest}})
		}
		cut(3, 1, "c3", isuride.Link{})
		cut(5, 1, "c5", isuride.Link{Position: 5, Hash: "c5"})
		cut(9, 6, "c9", isuride.Link{Position: 5, Hash: "c5"}, isuride.Link{Position: 9, Hash: "c9"})
		cut(11, 6, "cb")
		links, err := s.Chain(t.Context())
		want := []isuride.Link{{Position: 5, Hash: "c5"}, {Position: 9, Hash: "c9"}, {Position: 11, Hash: "cb"}}
		if err != nil || !slices.Equal(links, want) {
			t.Errorf("links %v, %v", links, err)
		}
		if got := load(t, s).Head; got != want[2] {
			t.Errorf("the head is %+v", got)
		}
		write(t, s, 1, 12, &isuride.Tables{})
		if got := load(t, s).Head; got != (isuride.Link{Position: 12}) {
			t.Errorf("behind a cut without a chain the head is %+v", got)
		}
	})
}

// fullTracks are those of fullTables.
var fullTracks = map[string]sqlstore.Track{
	"c1": {Total: 2147483648 + 2147483647, At: at + 1},
	"c2": {Total: 1 << 40, Last: isuride.Coordinate{Latitude: -5, Longitude: 6}, At: at + 2},
	"c3": {At: at},
}

func TestResetLoadsBack(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 3, fullTables())
		got := load(t, s)
		want := fullTables()
		want.ChairLocations, want.ChairDistances = nil, nil
		wantTables(t, &got.Tables, want)
		if !reflect.DeepEqual(got.Tracks, fullTracks) {
			t.Errorf("tracks %v, want %v", got.Tracks, fullTracks)
		}
		if got.Generation != 3 || got.Position != 0 {
			t.Errorf("position %d of generation %d", got.Position, got.Generation)
		}
		if want := (sqlstore.State{Exists: true, Ready: true, Generation: 3, History: got.History}); state(t, s) != want {
			t.Errorf("state %+v, want %+v", state(t, s), want)
		}
	})
}

// TestLoadHead: it reads the tables that no event changes, and the next cut goes on from there.
func TestLoadHead(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 3, fullTables())
		write(t, s, 3, 7, &isuride.Tables{})
		got, err := s.LoadHead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := fullTables()
		wantTables(t, &got.Tables, &isuride.Tables{Settings: want.Settings, ChairModels: want.ChairModels})
		if whole := load(t, s); got.Generation != 3 || got.Position != 7 || got.History != whole.History || got.Tracks != nil {
			t.Errorf("%+v", got)
		}
		write(t, s, 3, 8, fullTables())
	})
}
