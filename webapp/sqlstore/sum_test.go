package sqlstore_test

import (
	"maps"
	"testing"

	"isuride/webapp/sqlstore"
)

// TestSumIsWhatLoadSees compares the tracks of the data set that comes with the binary with
// those that the database yields.
func TestSumIsWhatLoadSees(t *testing.T) {
	rows, err := sqlstore.InitialTables()
	if err != nil {
		t.Fatal(err)
	}
	eachDialect(t, func(t *testing.T, c sqlstore.Config) {
		s := open(t, c)
		reset(t, s, 1, rows)
		if got, want := sqlstore.Sum(rows), load(t, s).Tracks; len(want) == 0 || !maps.Equal(got, want) {
			t.Errorf("%d tracks, the database has %d", len(got), len(want))
		}
		few := fullTables()
		reset(t, s, 2, few)
		if got, want := sqlstore.Sum(few), load(t, s).Tracks; !maps.Equal(got, want) {
			t.Errorf("got %v, the database has %v", got, want)
		}
	})
}
