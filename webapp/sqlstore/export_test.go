package sqlstore

import (
	"context"
	"testing"
)

// SetWanted has the session want what no statement brings about, as when a proxy undoes it.
func SetWanted(t *testing.T, name, value string) {
	for i := range settings {
		if settings[i].name == name {
			before := settings[i].want
			settings[i].want = value
			t.Cleanup(func() { settings[i].want = before })
			return
		}
	}
	t.Fatalf("no setting is called %s", name)
}

// HoldLock is one round of the lock's keeper.
func HoldLock(ctx context.Context, s *Store) error { return s.lock.hold(ctx) }

// LockSilence is how many seconds the database waits for a word of the lock's holder.
func LockSilence(t *testing.T, s *Store) (seconds int) {
	if err := s.lock.conn.QueryRowContext(t.Context(), "SELECT @@wait_timeout").Scan(&seconds); err != nil {
		t.Fatal(err)
	}
	return seconds
}
