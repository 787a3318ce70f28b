package sqlstore_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

func TestCutInsertsAndOverwrites(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, &isuride.Tables{})
		write(t, s, 1, 7, fullTables())
		got := load(t, s)
		want := fullTables()
		want.ChairLocations, want.ChairDistances = nil, nil
		wantTables(t, &got.Tables, want)
		if got.Generation != 1 || got.Position != 7 || !maps.Equal(got.Tracks, fullTracks) {
			t.Errorf("position %d of generation %d, tracks %v", got.Position, got.Generation, got.Tracks)
		}

		change(want)
		write(t, s, 1, 8, want)
		got = load(t, s)
		wantTables(t, &got.Tables, want)
	})
}

// change gives new values to the columns that no key holds.
func change(t *isuride.Tables) {
	t.Settings[0].Value, t.Settings[1].Value = t.Settings[1].Value, t.Settings[0].Value
	t.ChairModels[0].Speed++
	t.Owners[0].Name, t.Owners[0].UpdatedAt = "new", t.Owners[0].UpdatedAt-5
	t.Users[0].Lastname, t.Users[0].CreatedAt = "", at-1
	t.PaymentTokens[0].Token = "new"
	t.Chairs[0].IsActive, t.Chairs[0].Model = false, strings.Repeat("椅子", 10000)
	t.Rides[0].Pickup, t.Rides[1].ChairID, t.Rides[1].Evaluation = isuride.Coordinate{}, "c2", 1
	t.RideStatuses[0].Status, t.RideStatuses[0].AppSentAt, t.RideStatuses[1].ChairSentAt = isuride.Arrived, at+9, at+10
	t.Coupons[0].Discount, t.Coupons[1].UsedBy = 1, "r2"
}

// NULL leaves what a nullable column holds: an image may be older than the row.
func TestCutKeepsWhatIsNotNull(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, fullTables())
		nulls := fullTables()
		nulls.Rides[0].ChairID, nulls.Rides[0].Evaluation = "", 0
		nulls.RideStatuses[0].AppSentAt, nulls.RideStatuses[0].ChairSentAt = 0, 0
		nulls.Coupons[0].UsedBy = ""
		write(t, s, 1, 1, nulls)
		got := load(t, s)
		want := fullTables()
		want.ChairLocations, want.ChairDistances = nil, nil
		wantTables(t, &got.Tables, want)
	})
}

// No column changes that a cut does not change (T21): the database must not bump
// updated_at.
func TestCutKeepsUpdatedAt(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, fullTables())
		want := fullTables()
		want.Owners[0].Name, want.Users[0].Lastname, want.Chairs[0].IsActive, want.Rides[1].ChairID = "x", "x", false, "c1"
		write(t, s, 1, 1, want)
		got := load(t, s)
		want.ChairLocations, want.ChairDistances = nil, nil
		wantTables(t, &got.Tables, want)
	})
}

func TestCutFence(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 4, &isuride.Tables{})
		write(t, s, 4, 10, &isuride.Tables{})
		for _, test := range []struct{ generation, position uint64 }{{4, 9}, {4, 0}, {3, 10}, {3, 11}, {5, 10}, {5, 11}} {
			err := s.WriteCut(t.Context(), test.generation, test.position, fullTables())
			if !errors.Is(err, sqlstore.ErrFenced) || sqlstore.IsTransient(err) {
				t.Errorf("cut %d of generation %d: %v", test.position, test.generation, err)
			}
		}
		// The same cut again, as after a commit whose answer was lost.
		write(t, s, 4, 10, fullTables())
		if got := load(t, s); got.Position != 10 || got.Tables.Rows() != 0 {
			t.Errorf("position %d with %d rows", got.Position, got.Tables.Rows())
		}
		write(t, s, 4, 11, fullTables())
		if got := load(t, s); got.Position != 11 || got.Tables.Rows() == 0 {
			t.Errorf("position %d with %d rows", got.Position, got.Tables.Rows())
		}
	})
}

// A cut is written as a whole or not at all: its last statement fails, for a reason that
// is no row's.
func TestCutIsAtomic(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, &isuride.Tables{})
		direct(t, c, "ALTER TABLE coupons RENAME TO coupons_away")
		err := s.WriteCut(t.Context(), 1, 5, fullTables())
		if err == nil || sqlstore.IsRefusal(err) || sqlstore.IsHopeless(err) {
			t.Fatalf("got error %v", err)
		}
		direct(t, c, "ALTER TABLE coupons_away RENAME TO coupons")
		if got := load(t, s); got.Position != 0 || got.Tables.Rows() != 0 || len(got.Tracks) != 0 {
			t.Errorf("position %d with %d rows", got.Position, got.Tables.Rows())
		}
		write(t, s, 1, 5, fullTables())
	})
}

// Two servers that got past the lock do not write into each other's rows.
func TestCutFollowsItsOwn(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, &isuride.Tables{})
		write(t, s, 1, 5, fullTables())
		direct(t, c, "UPDATE journal_position SET position = 7")
		if err := s.WriteCut(t.Context(), 1, 9, fullTables()); !errors.Is(err, sqlstore.ErrFenced) {
			t.Errorf("got error %v", err)
		}
	})
}

// A server may take less than a statement is normally long.
func TestSmallPacket(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("changes a setting of the whole server")
	}
	if err := openOnly(t, c).Close(); err != nil { // creates the database
		t.Fatal(err)
	}
	direct(t, c, "SET GLOBAL max_allowed_packet = 65536")
	t.Cleanup(func() { direct(t, c, "SET GLOBAL max_allowed_packet = 16777216") })
	largeCut(t, open(t, c))
}

// More rows than one statement takes.
func TestLargeCut(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) { largeCut(t, open(t, c)) })
}

// largeCut writes the rows twice, the second time as updates.
func largeCut(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	reset(t, s, 1, &isuride.Tables{})
	rows := &isuride.Tables{}
	for i := range 1500 {
		id := fmt.Sprintf("%026d", i)
		rows.Users = append(rows.Users, isuride.User{ID: id, Username: id, AccessToken: id, InvitationCode: id, CreatedAt: at, UpdatedAt: at})
		rows.Chairs = append(rows.Chairs, isuride.Chair{ID: id, Model: strings.Repeat("m", 10*(i%100)), CreatedAt: at, UpdatedAt: at})
	}
	for position := range uint64(2) {
		write(t, s, 1, position+1, rows)
		got := load(t, s)
		wantTables(t, &got.Tables, rows)
	}
}

// Bytes that are no UTF-8 must not stop the write-behind.
func TestCutReplacesBrokenText(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, &isuride.Tables{})
		write(t, s, 1, 1, &isuride.Tables{Settings: []isuride.Setting{{Name: "a", Value: "x\xff\xfe'y\xc3"}}})
		got := load(t, s)
		wantTables(t, &got.Tables, &isuride.Tables{Settings: []isuride.Setting{{Name: "a", Value: "x\uFFFD'y\uFFFD"}}})
	})
}

// FuzzText: every text that is UTF-8 comes back out of SQLite as it went in. MySQL gets
// the same literals.
func FuzzText(f *testing.F) {
	f.Add("it's", "\x00\\\"\n")
	s := open(f, sqliteConfig(f))
	if err := s.Reset(f.Context(), 1, &isuride.Tables{}); err != nil {
		f.Fatal(err)
	}
	position := uint64(0)
	f.Fuzz(func(t *testing.T, a, b string) {
		position++
		want := &isuride.Tables{Settings: []isuride.Setting{{Name: "x", Value: strings.ToValidUTF8(a, "\uFFFD")}, {Name: "y", Value: strings.ToValidUTF8(b, "\uFFFD")}}}
		write(t, s, 1, position, &isuride.Tables{Settings: []isuride.Setting{{Name: "x", Value: a}, {Name: "y", Value: b}}})
		got := load(t, s)
		wantTables(t, &got.Tables, want)
	})
}
