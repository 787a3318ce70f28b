package sqlstore_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// A database of the first schema is brought to the present one with all its rows, from
// wherever a kill has left the steps.
func TestUpgrade(t *testing.T) {
	older := []string{
		"DROP TABLE journal_chain",
		"ALTER TABLE journal_position DROP COLUMN chain",
		"ALTER TABLE journal_position DROP COLUMN chain_position",
		"ALTER TABLE journal_position DROP COLUMN coupons_used",
		"ALTER TABLE journal_position DROP COLUMN coupons_issued",
		"ALTER TABLE journal_position DROP COLUMN sales_under_way",
		"ALTER TABLE journal_position DROP COLUMN owners_sales",
		"ALTER TABLE journal_position DROP COLUMN discounts_given",
		"ALTER TABLE journal_position DROP COLUMN riders_paid",
		"ALTER TABLE journal_position DROP COLUMN riders_owed",
		"ALTER TABLE journal_position DROP COLUMN rides_completed",
		"ALTER TABLE journal_position DROP COLUMN rides_requested",
		"DROP TABLE chair_distances",
		"DROP TABLE refused_rows",
		"ALTER TABLE journal_position DROP COLUMN term",
		"ALTER TABLE journal_position DROP COLUMN version",
		"ALTER TABLE journal_position DROP COLUMN history",
	}
	const books = 12 // the table and the columns of schema 4
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := openOnly(t, c)
		reset(t, s, 3, fullTables())
		write(t, s, 3, 7, fullTables())
		history := ""
		for n := range older {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, statement := range older[:n+1] {
				direct(t, c, statement)
			}
			if step := n - books + 1; n < books+3 { // the number is there, and was not reached
				direct(t, c, fmt.Sprintf("UPDATE journal_position SET version = %d", min(max(3-step, 1), 3)))
			}
			s = openOnly(t, c)
			st := state(t, s)
			if want := (sqlstore.State{Exists: true, Ready: true, Generation: 3, Position: 7, History: st.History}); st != want || len(st.History) != 32 {
				t.Errorf("after %q: state %+v", older[n], st)
			}
			if n < books+4 && history != "" && st.History != history {
				t.Errorf("after %q: the history changed", older[n])
			}
			history = st.History
			got := load(t, s)
			want := fullTables()
			want.ChairLocations, want.ChairDistances = nil, nil
			if n >= 3 { // the first of the totals was lost
				want.Totals = nil
			}
			wantTables(t, &got.Tables, want)
			write(t, s, 3, 7, fullTables())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := openOnly(t, c)
		reset(t, s, 1, fullTables())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		direct(t, c, "UPDATE journal_position SET version = 99")
		wantOpenFails(t, c, sqlstore.ErrNewerSchema, "99")
	})
}

func wantOpenFails(t *testing.T, c sqlstore.Config, want error, words ...string) {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("opened", s.Close())
	}
	if !errors.Is(err, want) {
		t.Errorf("got error %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not name %s: %v", word, err)
		}
	}
}

// Two servers on one database would overwrite what the other has acknowledged.
func TestSecondServerIsKeptOut(t *testing.T) {
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := openOnly(t, c)
		reset(t, s, 1, fullTables())
		wantOpenFails(t, c, sqlstore.ErrInUse)
		write(t, s, 1, 1, fullTables())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		open(t, c)
	})
}

// Tables that others made have the server's default engine, whatever that is.
func TestTablesHaveTransactions(t *testing.T) {
	c := mysql.Config(t)
	s := openOnly(t, c)
	reset(t, s, 1, fullTables())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	direct(t, c, "ALTER TABLE coupons ENGINE = Aria")
	wantOpenFails(t, c, sqlstore.ErrTable, "coupons", "ENGINE = InnoDB")

	direct(t, c, "DROP TABLE journal_position")
	s = open(t, c)
	if err := s.Adopt(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	// What lost its transactions in between is noticed by the next start.
	got := load(t, s)
	want := fullTables()
	want.ChairLocations, want.ChairDistances, want.Totals = nil, nil, nil
	wantTables(t, &got.Tables, want)
}

// A fresh database does not follow the server's default.
func TestEngineIsNotTheDefault(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("changes a setting of the whole server")
	}
	s := openOnly(t, c)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	direct(t, c, "SET GLOBAL default_storage_engine = Aria")
	t.Cleanup(func() { direct(t, c, "SET GLOBAL default_storage_engine = InnoDB") })
	s = openOnly(t, c)
	reset(t, s, 1, fullTables())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, c) // looks at all tables
}

func TestTextOfOtherCharacterSetIsRefused(t *testing.T) {
	c := mysql.Config(t)
	s := openOnly(t, c)
	reset(t, s, 1, &isuride.Tables{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	direct(t, c, "ALTER TABLE chairs MODIFY name VARCHAR(30) CHARACTER SET latin1 NOT NULL")
	wantOpenFails(t, c, sqlstore.ErrTable, "chairs.name", "latin1", "MODIFY name varchar(30) CHARACTER SET utf8mb4")
}

// What the refusal says to run makes the table good again, and takes no two names for
// one.
func TestNamesOfOtherCollationAreRefused(t *testing.T) {
	c := mysql.Config(t)
	s := openOnly(t, c)
	reset(t, s, 1, &isuride.Tables{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	direct(t, c, "ALTER TABLE owners CONVERT TO CHARACTER SET utf8mb3")
	direct(t, c, "ALTER TABLE users MODIFY username VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL")
	_, err := sqlstore.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if !errors.Is(err, sqlstore.ErrTable) {
		t.Fatalf("got error %v", err)
	}
	_, statements, _ := strings.Cut(err.Error(), "; run ")
	for statement := range strings.SplitSeq(statements, "; ") {
		direct(t, c, statement)
	}
	s = open(t, c)
	load(t, s)
	owners := []isuride.Owner{{ID: "x", Name: "Aoi", AccessToken: "x", ChairRegisterToken: "x", CreatedAt: at, UpdatedAt: at},
		{ID: "y", Name: "aoi", AccessToken: "y", ChairRegisterToken: "y", CreatedAt: at, UpdatedAt: at}}
	write(t, s, 1, 1, &isuride.Tables{Owners: owners})
	if s.Refused() != 0 {
		t.Error("names that differ in case are taken for one")
	}
}
