package sqlstore_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// refusing makes the database refuse what begins with "no".
func refusing(t *testing.T, c sqlstore.Config) (heal func()) {
	t.Helper()
	if c.Dialect == sqlstore.MySQL {
		direct(t, c, "ALTER TABLE users ADD CONSTRAINT strict CHECK (lastname NOT LIKE 'no%')")
		direct(t, c, "ALTER TABLE chair_locations ADD CONSTRAINT near CHECK (latitude < 1000)")
		direct(t, c, "ALTER TABLE ride_statuses ADD CONSTRAINT early CHECK (id <> 's9')")
		return func() {
			direct(t, c, "ALTER TABLE users DROP CONSTRAINT strict")
			direct(t, c, "ALTER TABLE chair_locations DROP CONSTRAINT near")
			direct(t, c, "ALTER TABLE ride_statuses DROP CONSTRAINT early")
		}
	}
	for _, table := range []struct{ name, when string }{{"users", "NEW.lastname LIKE 'no%'"}, {"chair_locations", "NEW.latitude >= 1000"}, {"ride_statuses", "NEW.id = 's9'"}} {
		for _, act := range []string{"INSERT", "UPDATE"} {
			direct(t, c, "CREATE TRIGGER "+table.name+act+" BEFORE "+act+" ON "+table.name+" WHEN "+table.when+" BEGIN SELECT RAISE(ABORT, 'refused'); END")
		}
	}
	return func() {
		for _, table := range []string{"users", "chair_locations", "ride_statuses"} {
			direct(t, c, "DROP TRIGGER "+table+"INSERT")
			direct(t, c, "DROP TRIGGER "+table+"UPDATE")
		}
	}
}

// Rows that the database refuses for good are kept beside it, in every load as if they
// were in it, and brought in once it takes them.
func TestRefusedRows(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := openOnly(t, c)
		reset(t, s, 1, &isuride.Tables{})
		heal := refusing(t, c)

		user := func(id, lastname string) isuride.User {
			return isuride.User{ID: id, Username: id, Lastname: lastname, AccessToken: id, InvitationCode: id, CreatedAt: at, UpdatedAt: at}
		}
		location := func(id string, latitude int32, when isuride.Time) isuride.ChairLocation {
			return isuride.ChairLocation{ID: id, ChairID: "c", Coordinate: isuride.Coordinate{Latitude: latitude}, CreatedAt: when}
		}
		status := isuride.RideStatus{ID: "s9", RideID: "r", Status: isuride.Matching, CreatedAt: at, AppSentAt: at + 5}
		write(t, s, 1, 10, &isuride.Tables{
			Users:          []isuride.User{user("a", "yes"), user("b", "no 😀"+awful), user("c", "yes"), user("d", "no")},
			ChairLocations: []isuride.ChairLocation{location("1", 0, at), location("2", 5000, at+1), location("3", 0, at+2)},
			RideStatuses:   []isuride.RideStatus{status},
		})
		if s.Refused() != 4 {
			t.Fatalf("%d rows are refused", s.Refused())
		}
		// Later images: one that is taken, one that is not, and one that lacks what the
		// first had.
		status.AppSentAt, status.ChairSentAt = 0, at+7
		write(t, s, 1, 20, &isuride.Tables{
			Users:        []isuride.User{user("b", "yes"), user("d", "not"), user("e", "yes")},
			RideStatuses: []isuride.RideStatus{status},
		})
		if s.Refused() != 3 {
			t.Errorf("%d rows are refused", s.Refused())
		}
		status.AppSentAt = at + 5
		check := func() {
			t.Helper()
			got := load(t, s)
			if got.Position != 20 {
				t.Errorf("position %d", got.Position)
			}
			users := map[string]string{}
			for _, u := range got.Users {
				users[u.ID] = u.Lastname
			}
			if len(users) != 5 || len(got.Users) != 5 || users["b"] != "yes" || users["d"] != "not" || users["e"] != "yes" {
				t.Errorf("users %v", users)
			}
			if len(got.RideStatuses) != 1 || got.RideStatuses[0] != status {
				t.Errorf("statuses %+v, want %+v", got.RideStatuses, status)
			}
			if track := got.Tracks["c"]; track.Total != 10000 || track.At != at+2 {
				t.Errorf("track %+v", track)
			}
		}
		check()
		reopen := func(refused int) {
			t.Helper()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openOnly(t, c)
			if s.Refused() != refused {
				t.Errorf("%d rows are refused, want %d", s.Refused(), refused)
			}
			check()
		}
		reopen(3)
		heal()
		reopen(0)
		write(t, s, 1, 20, nil)
		reset(t, s, 2, &isuride.Tables{})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Initialize ends what was refused along with everything else.
func TestResetForgetsRefusedRows(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, &isuride.Tables{})
		refusing(t, c)
		write(t, s, 1, 1, &isuride.Tables{Users: []isuride.User{{ID: "a", Lastname: "no"}}})
		reset(t, s, 2, &isuride.Tables{})
		if got := load(t, s); len(got.Users) != 0 {
			t.Errorf("%d users", len(got.Users))
		}
		write(t, s, 2, 1, &isuride.Tables{})
		if s.Refused() != 0 {
			t.Errorf("%d rows are refused", s.Refused())
		}
	})
}

// While refused rows cannot be kept the cut waits, and nothing of it is written.
func TestRowsThatCannotBeKeptAreWaitedFor(t *testing.T) {
	c := sqliteConfig(t)
	s := open(t, c)
	reset(t, s, 1, &isuride.Tables{})
	refusing(t, c)
	direct(t, c, "CREATE TRIGGER nor BEFORE INSERT ON refused_rows BEGIN SELECT RAISE(ABORT, 'no'); END")
	rows := &isuride.Tables{Users: []isuride.User{{ID: "a", Lastname: "no"}, {ID: "b", Username: "b", AccessToken: "b", InvitationCode: "b"}}}
	if err := s.WriteCut(t.Context(), 1, 1, rows); err == nil || sqlstore.IsRefusal(err) || sqlstore.IsHopeless(err) {
		t.Errorf("got %v", err)
	}
	if got := load(t, s); got.Position != 0 || got.Tables.Rows() != 0 {
		t.Errorf("position %d with %d rows", got.Position, got.Tables.Rows())
	}
	direct(t, c, "DROP TRIGGER nor")
	write(t, s, 1, 1, rows)
	if s.Refused() != 1 {
		t.Errorf("%d rows are refused", s.Refused())
	}
}

// The log names the row, and no token.
func TestRefusedRowInTheLog(t *testing.T) {
	c := sqliteConfig(t)
	var lines bytes.Buffer
	s, err := sqlstore.Open(t.Context(), c, slog.New(slog.NewTextHandler(&lines, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	reset(t, s, 1, &isuride.Tables{})
	refusing(t, c)
	write(t, s, 1, 1, &isuride.Tables{Users: []isuride.User{{ID: "id-of-it", Lastname: "no", AccessToken: "secret"}}})
	if text := lines.String(); !strings.Contains(text, "table=users key=id-of-it") || strings.Contains(text, "secret") {
		t.Errorf("the log says %s", text)
	}
}
