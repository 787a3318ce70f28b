package sqlstore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/isuride"
)

// What MariaDB logs of our statements is read by slp and grouped by our patterns: a cut's
// rows are one statement, whatever their number, signs and NULLs.
func TestSlowLogTable(t *testing.T) {
	c := mysql.Config(t)
	if mysql.Foreign() {
		t.Skip("changes settings of the whole server")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("slp needs a C compiler (Debian package gcc)")
	}
	s := openOnly(t, c) // creates the database
	reset(t, s, 1, fullTables())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, path := range []string{filepath.Dir(dir), dir} { // the server may run as another user
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(dir, "slow.log")
	direct(t, c, "SET GLOBAL slow_query_log_file = '"+log+"', GLOBAL long_query_time = 0, GLOBAL slow_query_log = 1")
	t.Cleanup(func() { direct(t, c, "SET GLOBAL slow_query_log = 0, GLOBAL long_query_time = DEFAULT") })
	s = open(t, c)
	const odd = "it's\n# not a head; \"\x00😀"
	write(t, s, 1, 1, &isuride.Tables{
		Settings:    []isuride.Setting{{Name: "a", Value: odd}, {Name: "b"}},
		ChairModels: []isuride.ChairModel{{Name: odd, Speed: -1}},
		Owners:      []isuride.Owner{{ID: "o1", Name: odd, CreatedAt: at, UpdatedAt: at}},
		Chairs:      []isuride.Chair{{ID: "c1", OwnerID: "o1", Name: odd, CreatedAt: at, UpdatedAt: at}},
	})
	traffic := newTraffic(1)
	for position := range uint64(3) {
		write(t, s, 1, position+2, traffic.cut(10_000))
	}
	direct(t, c, "SELECT * FROM settings WHERE name IN ('a', 'b') -- why\n AND value <> '\n# not a head; it''s \\\\'")
	direct(t, c, "SELECT * FROM settings WHERE name IN ('c') AND value <> 'x'")

	table := slowTable(t, log)
	for _, name := range []string{"settings", "chair_models", "owners", "users", "payment_tokens", "chairs",
		"chair_locations", "rides", "ride_statuses", "coupons"} {
		if n := strings.Count(table, "INSERT INTO `"+name); n != 1 {
			t.Errorf("%d lines for %s", n, name)
		}
	}
	if want := "2\tSELECT * FROM `settings` WHERE `name` IN ('S') AND `value` != 'S'\n"; !strings.Contains(table, want) {
		t.Errorf("the table lacks %s", want)
	}
	if t.Failed() {
		t.Log(table)
	}
}

func slowTable(t *testing.T, log string) string {
	t.Helper()
	cmd := bound.Command(t, "../../scripts/log-table.sh", "slow", log, "--format", "tsv", "--sort", "count", "--output", "count,query")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	return string(out)
}
