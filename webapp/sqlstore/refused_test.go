package sqlstore_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// obstacles are what somebody does to a database so that rows whose text begins with "bad"
// are refused, and how it is undone.
var obstacles = []struct {
	name          string
	dialect       sqlstore.Dialect
	before, after string
}{
	{"shrunk column", sqlstore.MySQL, "ALTER TABLE users MODIFY lastname VARCHAR(5) NOT NULL", "ALTER TABLE users MODIFY lastname VARCHAR(30) NOT NULL"},
	{"check", sqlstore.MySQL, "ALTER TABLE users ADD CONSTRAINT no_bad CHECK (lastname NOT LIKE 'bad%')", "ALTER TABLE users DROP CONSTRAINT no_bad"},
	{"trigger", sqlstore.MySQL, "CREATE TRIGGER no_bad BEFORE INSERT ON users FOR EACH ROW BEGIN IF NEW.lastname LIKE 'bad%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF; END", "DROP TRIGGER no_bad"},
	{"number", sqlstore.MySQL, "ALTER TABLE users MODIFY lastname INTEGER NOT NULL", "ALTER TABLE users MODIFY lastname VARCHAR(30) NOT NULL"},
	{"trigger", sqlstore.SQLite, "CREATE TRIGGER no_bad BEFORE INSERT ON users WHEN NEW.lastname LIKE 'bad%' BEGIN SELECT RAISE(ABORT, 'no'); END", "DROP TRIGGER no_bad"},
	{"unique", sqlstore.SQLite, "CREATE UNIQUE INDEX no_bad ON users (substr(lastname, 1, 3)) WHERE lastname LIKE 'bad%'", "DROP INDEX no_bad"},
}

func eachObstacle(t *testing.T, f func(t *testing.T, c sqlstore.Config, before, after string)) {
	for _, o := range obstacles {
		t.Run(fmt.Sprintf("%v/%s", o.dialect, o.name), func(t *testing.T) {
			c := sqliteConfig(t)
			if o.dialect == sqlstore.MySQL {
				c = mysql.Config(t)
			}
			f(t, c, o.before, o.after)
		})
	}
}

// people are users, of whom every third has a name that obstacles refuse.
func people(n int) *isuride.Tables {
	t := &isuride.Tables{}
	for i := range n {
		u := isuride.User{ID: fmt.Sprintf("%026d", i), Lastname: "1", CreatedAt: at, UpdatedAt: at}
		if i%3 == 1 {
			u.Lastname = fmt.Sprintf("bad 椅子 %d", i)
		}
		u.Username, u.AccessToken, u.InvitationCode = u.ID, "secret"+u.ID, u.ID
		t.Users = append(t.Users, u)
		t.Rides = append(t.Rides, isuride.Ride{ID: u.ID, UserID: u.ID, CreatedAt: at, UpdatedAt: at})
	}
	return t
}

// Rows that the database refuses end neither this start nor the next: they are loaded as
// if they were in their tables, and are once these take them.
func TestRefusedRowsAreKeptAndHealed(t *testing.T) {
	eachObstacle(t, func(t *testing.T, c sqlstore.Config, before, after string) {
		want := people(20)
		s := open(t, c)
		reset(t, s, 1, &isuride.Tables{})
		direct(t, c, before)
		write(t, s, 1, 5, want)
		if s.Refused() == 0 {
			t.Fatal("nothing was refused")
		}
		for range 2 { // starts
			s = open(t, c)
			if err := s.RetryRefused(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := load(t, s)
			sortUsers(&got.Tables)
			wantTables(t, &got.Tables, want)
			if got.Position != 5 || s.Refused() == 0 {
				t.Errorf("position %d, %d refused", got.Position, s.Refused())
			}
		}
		write(t, s, 1, 6, &isuride.Tables{Rides: []isuride.Ride{want.Rides[0]}}) // life goes on
		direct(t, c, after)
		s = open(t, c)
		if err := s.RetryRefused(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := load(t, s)
		wantTables(t, &got.Tables, want) // in the order of their keys: all are in the table
		if s.Refused() != 0 {
			t.Errorf("%d rows are still refused", s.Refused())
		}
	})
}

func sortUsers(t *isuride.Tables) {
	for i := range t.Users {
		for k := i; k > 0 && t.Users[k].ID < t.Users[k-1].ID; k-- {
			t.Users[k], t.Users[k-1] = t.Users[k-1], t.Users[k]
		}
	}
}

// A NULL of a later image leaves what a refused one has set, and a later image that the
// table takes replaces what was kept.
func TestLaterImageOfRefusedRow(t *testing.T) {
	c := sqliteConfig(t)
	s := open(t, c)
	reset(t, s, 1, &isuride.Tables{})
	ride := isuride.Ride{ID: "r", UserID: "u", ChairID: "c", CreatedAt: at, UpdatedAt: at}
	direct(t, c, "CREATE TRIGGER no BEFORE INSERT ON rides WHEN NEW.evaluation IS NULL BEGIN SELECT RAISE(ABORT, 'no'); END")
	write(t, s, 1, 1, &isuride.Tables{Rides: []isuride.Ride{ride}})
	image := ride
	image.ChairID, image.UpdatedAt = "", at+1
	write(t, s, 1, 2, &isuride.Tables{Rides: []isuride.Ride{image}}) // refused again
	ride.UpdatedAt = at + 1
	if got := load(t, s); len(got.Rides) != 1 || got.Rides[0] != ride || s.Refused() != 1 {
		t.Errorf("got %+v, %d refused", got.Rides, s.Refused())
	}
	image.Evaluation, ride.Evaluation = 5, 5
	write(t, s, 1, 3, &isuride.Tables{Rides: []isuride.Ride{image}})
	if got := load(t, s); len(got.Rides) != 1 || got.Rides[0] != ride || s.Refused() != 0 {
		t.Errorf("got %+v, %d refused", got.Rides, s.Refused())
	}
}

// A refused report counts in its chair's way, in its place.
func TestRefusedReportsCount(t *testing.T) {
	c := sqliteConfig(t)
	s := open(t, c)
	reset(t, s, 1, &isuride.Tables{})
	direct(t, c, "CREATE TRIGGER no BEFORE INSERT ON chair_locations WHEN NEW.latitude = 10 BEGIN SELECT RAISE(ABORT, 'no'); END")
	rows := &isuride.Tables{}
	for i, latitude := range []int32{0, 10, 3} {
		rows.ChairLocations = append(rows.ChairLocations, isuride.ChairLocation{ID: fmt.Sprint(i), ChairID: "c",
			Coordinate: isuride.Coordinate{Latitude: latitude}, CreatedAt: at + isuride.Time(i)})
	}
	write(t, s, 1, 1, rows)
	want := sqlstore.Track{Last: isuride.Coordinate{Latitude: 3}, Total: 17, At: at + 2}
	if got := load(t, s).Tracks["c"]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// While refused rows cannot be kept the cut waits, and nothing of it is written.
func TestRowsThatCannotBeKeptAreWaitedFor(t *testing.T) {
	c := sqliteConfig(t)
	s := open(t, c)
	reset(t, s, 1, &isuride.Tables{})
	direct(t, c, "CREATE TRIGGER no BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'no'); END")
	direct(t, c, "CREATE TRIGGER nor BEFORE INSERT ON refused_rows BEGIN SELECT RAISE(ABORT, 'no'); END")
	if err := s.WriteCut(t.Context(), 1, 1, people(3)); !sqlstore.IsTransient(err) {
		t.Errorf("got %v", err)
	}
	if got := load(t, s); got.Position != 0 || got.Tables.Rows() != 0 {
		t.Errorf("position %d with %d rows", got.Position, got.Tables.Rows())
	}
	direct(t, c, "DROP TRIGGER nor")
	write(t, s, 1, 1, people(3))
}

// The log names the row and the reason, and no token.
func TestRefusedRowInTheLog(t *testing.T) {
	c := sqliteConfig(t)
	var lines bytes.Buffer
	s, err := sqlstore.Open(t.Context(), c, slog.New(slog.NewTextHandler(&lines, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	reset(t, s, 1, &isuride.Tables{})
	direct(t, c, "CREATE TRIGGER no BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'not this one'); END")
	write(t, s, 1, 1, people(1))
	for _, part := range []string{"table=users", "key=" + people(1).Users[0].ID, "not this one"} {
		if !strings.Contains(lines.String(), part) {
			t.Errorf("%q is missing in %s", part, lines.String())
		}
	}
	if strings.Contains(lines.String(), "secret") {
		t.Errorf("a token is in the log: %s", lines.String())
	}
}
