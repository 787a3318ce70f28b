package sqlstore_test

import (
	"errors"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

func TestEmptyDatabase(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		if got := bareState(t, s); got != (sqlstore.State{}) {
			t.Errorf("state %+v", got)
		}
		if _, err := s.Load(t.Context()); !errors.Is(err, sqlstore.ErrNotReady) {
			t.Errorf("load: %v", err)
		}
	})
}

func TestResetLeavesNothingBehind(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, fullTables())
		write(t, s, 1, 10, fullTables())
		reset(t, s, 2, &isuride.Tables{Settings: []isuride.Setting{{Name: "x", Value: "y"}}})
		got := load(t, s)
		wantTables(t, &got.Tables, &isuride.Tables{Settings: []isuride.Setting{{Name: "x", Value: "y"}}})
		if len(got.Tracks) != 0 || got.Generation != 2 || got.Position != 0 {
			t.Errorf("tracks %v, position %d of generation %d", got.Tracks, got.Position, got.Generation)
		}
	})
}

// A reset that fails, here by a data set that names a user twice, has changed nothing,
// and can be done again.
func TestFailedReset(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := openOnly(t, c)
		reset(t, s, 1, fullTables())
		twice := fullTables()
		twice.Users = append(twice.Users, twice.Users[0])
		if err := s.Reset(t.Context(), 2, twice); err == nil || sqlstore.IsTransient(err) {
			t.Fatalf("reset: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		s = open(t, c)
		if want := (sqlstore.State{Exists: true, Ready: true, Generation: 1}); bareState(t, s) != want {
			t.Errorf("state %+v, want %+v", bareState(t, s), want)
		}
		write(t, s, 1, 1, fullTables())
		want := fullTables()
		want.ChairLocations, want.ChairDistances = nil, nil
		got := load(t, s)
		wantTables(t, &got.Tables, want)
		reset(t, s, 3, &isuride.Tables{})
		if got := load(t, s); got.Generation != 3 || len(got.Users) != 0 {
			t.Errorf("generation %d with %d users", got.Generation, len(got.Users))
		}
	})
}

// A first reset that fails leaves a database that is still to be filled.
func TestFailedFirstReset(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		twice := fullTables()
		twice.Users = append(twice.Users, twice.Users[0])
		if err := s.Reset(t.Context(), 1, twice); err == nil {
			t.Fatal("a user was stored twice")
		}
		if got := bareState(t, s); got != (sqlstore.State{}) {
			t.Errorf("state %+v", got)
		}
		reset(t, s, 1, fullTables())
	})
}

// What the in-memory server takes for different names must be different for the unique
// keys, too (decision 0002).
func TestNamesThatOnlyLookEqual(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		rows := &isuride.Tables{}
		for i, name := range []string{"Aoi", "aoi", "áoi", "aoï", "アオイ", "あおい", "ｱｵｲ", "😀", "😁", "ss", "ß", " aoi", "aoi\t", "ao\u0301i", "ﬁ", "fi", ""} {
			id := string(rune('a' + i))
			rows.Users = append(rows.Users, isuride.User{ID: id, Username: name, AccessToken: id, InvitationCode: id, CreatedAt: at, UpdatedAt: at})
			rows.Owners = append(rows.Owners, isuride.Owner{ID: id, Name: name, AccessToken: id, ChairRegisterToken: id, CreatedAt: at, UpdatedAt: at})
		}
		s := open(t, c)
		reset(t, s, 1, rows)
		got := load(t, s)
		wantTables(t, &got.Tables, rows)
		write(t, s, 1, 1, rows)
		got = load(t, s)
		wantTables(t, &got.Tables, rows)
	})
}

func TestAdopt(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 5, fullTables())
		direct(t, c, "DROP TABLE journal_position")
		if c.Dialect == sqlstore.MySQL { // as the contest's schema has it
			direct(t, c, "ALTER TABLE users MODIFY username VARCHAR(30) NOT NULL, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
		}
		if want := (sqlstore.State{Exists: true, Foreign: true}); bareState(t, s) != want {
			t.Fatalf("state %+v, want %+v", bareState(t, s), want)
		}
		if err := s.Adopt(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		want := fullTables()
		for i, name := range []string{"b", "B"} { // not the same to us
			want.Users[i].Username = name
		}
		write(t, s, 1, 1, &isuride.Tables{Users: want.Users})
		got := load(t, s)
		want.ChairLocations, want.ChairDistances, want.Totals = nil, nil, nil // nobody has counted
		wantTables(t, &got.Tables, want)
		if want := (sqlstore.State{Exists: true, Ready: true, Generation: 1, Position: 1}); bareState(t, s) != want {
			t.Errorf("state %+v, want %+v", bareState(t, s), want)
		}
	})
}

// Tables without rows are nobody's loss.
func TestEmptyTablesAreNotForeign(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 5, &isuride.Tables{})
		direct(t, c, "DROP TABLE journal_position")
		if want := (sqlstore.State{Exists: true}); bareState(t, s) != want {
			t.Errorf("state %+v, want %+v", bareState(t, s), want)
		}
		direct(t, c, "DROP TABLE coupons")
		if got := bareState(t, s); got != (sqlstore.State{}) {
			t.Errorf("state %+v with a table less", got)
		}
	})
}

// A table that is missing is no reason to throw the others away.
func TestMissingTable(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 5, fullTables())
		direct(t, c, "DROP TABLE coupons")
		if want := (sqlstore.State{Generation: 5, Damaged: "coupons"}); bareState(t, s) != want {
			t.Errorf("state %+v, want %+v", bareState(t, s), want)
		}
		reset(t, s, 6, fullTables()) // as by an initialize
		if want := (sqlstore.State{Exists: true, Ready: true, Generation: 6}); bareState(t, s) != want {
			t.Errorf("state %+v, want %+v", bareState(t, s), want)
		}
	})
}

// A swap goes on from the generation that it was made for, and from no other.
func TestSwapIsFenced(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, fullTables())
		if err := s.Fill(t.Context(), 2, fullTables()); err != nil {
			t.Fatal(err)
		}
		direct(t, c, "UPDATE journal_position SET generation = 7")
		if err := s.Swap(t.Context(), 1, 2); !errors.Is(err, sqlstore.ErrFenced) {
			t.Errorf("swap: %v", err)
		}
		if got := bareState(t, s); got.Generation != 7 || !got.Ready {
			t.Errorf("state %+v", got)
		}
	})
}
