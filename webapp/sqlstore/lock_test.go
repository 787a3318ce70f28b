package sqlstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/isuride"
	"isuride/webapp/sqlstore"
)

// A lock ends with its connection. The server takes it again, on its own and before it
// writes; what another one has taken in between keeps it from writing until that one
// ends.
func TestLockIsTakenAgain(t *testing.T) {
	c := mysql.Config(t)
	s := open(t, c)
	reset(t, s, 1, &isuride.Tables{})
	for _, again := range []struct {
		name string
		take func() error
	}{
		{"by the keeper", func() error { return sqlstore.HoldLock(t.Context(), s) }},
		{"by a cut", func() error { return s.WriteCut(t.Context(), 1, 1, fullTables()) }},
	} {
		killOthers(t, c)
		insist(t, again.take)
		if got := directText(t, c, "SELECT IS_USED_LOCK('isuride."+c.Name+"') IS NOT NULL"); got != "1" {
			t.Errorf("%s: the lock is free", again.name)
		}
	}
	killOthers(t, c)
	insist(t, func() error { return sqlstore.HoldLock(t.Context(), s) })
	wantOpenFails(t, c, sqlstore.ErrInUse, "isuride."+c.Name)

	other := connect(t, c)
	defer other.Close()
	holder, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan error)
	go func() {
		var got int
		taken <- holder.QueryRowContext(context.Background(), "SELECT GET_LOCK('isuride."+c.Name+"', 10)").Scan(&got)
	}()
	awaitProcesses(t, c, 1, "db = DATABASE() AND state = 'User lock'") // so that nobody is before it
	direct(t, c, "KILL CONNECTION "+directText(t, c, "SELECT IS_USED_LOCK('isuride."+c.Name+"')"))
	if err := bound.Receive(t, "the lock", taken); err != nil {
		t.Fatal(err)
	}
	err = s.WriteCut(t.Context(), 1, 2, fullTables())
	if !errors.Is(err, sqlstore.ErrInUse) || sqlstore.IsHopeless(err) || sqlstore.IsRefusal(err) {
		t.Errorf("a cut while another server has the database: %v", err)
	}
	if err := s.Reset(t.Context(), 2, fullTables()); !errors.Is(err, sqlstore.ErrInUse) {
		t.Errorf("a reset while another server has the database: %v", err)
	}
	if _, err := holder.ExecContext(t.Context(), "DO RELEASE_LOCK('isuride."+c.Name+"')"); err != nil {
		t.Fatal(err)
	}
	write(t, s, 1, 2, fullTables())
}

// A holder that vanishes without a word does not keep the lock for hours.
func TestSilentHolderIsGivenUp(t *testing.T) {
	c := mysql.Config(t)
	if got := sqlstore.LockSilence(t, open(t, c)); got < 10 || got > 60 {
		t.Errorf("the database waits %d s for a word of the holder", got)
	}
}

// A link leads to the same file, so to the same lock.
func TestSecondServerByALink(t *testing.T) {
	c := sqliteConfig(t)
	reset(t, open(t, c), 1, fullTables())
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(c.Path, link); err != nil {
		t.Fatal(err)
	}
	wantOpenFails(t, sqlstore.Config{Path: link}, sqlstore.ErrInUse)
}

// The start needs one connection besides that of the lock.
func TestFewConnections(t *testing.T) {
	c := mysql.Config(t)
	s := openOnly(t, c)
	reset(t, s, 1, fullTables())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	limited := restricted(t, c)
	direct(t, c, "ALTER USER "+limited.User+"@'%' WITH MAX_USER_CONNECTIONS 2")
	s = open(t, limited)
	want := fullTables()
	want.ChairLocations, want.ChairDistances = nil, nil
	got := load(t, s)
	wantTables(t, &got.Tables, want)
	if len(got.Tracks) != len(fullTracks) {
		t.Errorf("tracks %v", got.Tracks)
	}
	write(t, s, 1, 1, fullTables())
	reset(t, s, 2, fullTables())
	wantTables(t, &load(t, s).Tables, want)
}
