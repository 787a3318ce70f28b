package sqlstore_test

import (
	"errors"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// TestLeadFences has two servers write the same database in turn: the one that led before writes
// nothing once another leads, neither a cut nor a swap, and leads again in a later term only.
func TestLeadFences(t *testing.T) {
	c := mysql.Config(t)
	c.Shared = true
	a, b := open(t, c), open(t, c)
	lead := func(s *sqlstore.Store, term, position uint64) {
		t.Helper()
		if at, err := s.Lead(t.Context(), term); err != nil || at.Position != position {
			t.Fatalf("lead in term %d: at %d, want %d, %v", term, at.Position, position, err)
		}
	}
	fenced := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, sqlstore.ErrFenced) {
			t.Errorf("%s: %v", what, err)
		}
	}
	lead(a, 3, 0) // an empty database
	if err := a.FillAt(t.Context(), sqlstore.State{Generation: 1, Position: 5, History: "00000000000000000000000000000001"}, &isuride.Tables{}); err != nil {
		t.Fatal(err)
	}
	if err := a.Swap(t.Context(), 0, 1); err != nil {
		t.Fatal(err)
	}
	write(t, a, 1, 6, &isuride.Tables{})

	lead(b, 4, 6)
	fenced("a cut of the leader before", a.WriteCut(t.Context(), 1, 7, fullTables()))
	fenced("the same cut again", a.WriteCut(t.Context(), 1, 6, fullTables()))
	write(t, b, 1, 7, fullTables())
	fenced("a cut at the place of the new one", a.WriteCut(t.Context(), 1, 8, fullTables()))
	_, err := a.Lead(t.Context(), 3)
	fenced("to lead in the term before", err)
	if err := a.FillAt(t.Context(), sqlstore.State{Generation: 2, Position: 9, History: "00000000000000000000000000000001"}, &isuride.Tables{}); err != nil {
		t.Fatal(err)
	}
	fenced("a swap", a.Swap(t.Context(), 1, 2))
	if got := load(t, b); got.Position != 7 || got.History != "00000000000000000000000000000001" {
		t.Errorf("position %d of history %s", got.Position, got.History)
	}

	lead(a, 5, 7)
	write(t, a, 1, 9, &isuride.Tables{})
	fenced("a cut of the second one", b.WriteCut(t.Context(), 1, 10, &isuride.Tables{}))
}
