package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/freeport"
)

// contestAccounts are those of B appendix C, with the window of its third step.
const contestAccounts = `
owner 0811617de5c97aea5ddb433f085c3d1ef2598ab71531ab3492ebb8629f0598d2 1732579200000 1732622400000
user 21e9562de048ee9b34da840296509fa913bc34d804b3aab4dc4db77f3f6995e4
user c9e15fd57545f43105ace9088f1c467eb3ddd232b49ac1ce6b6c52f5fb4d59e3
user a8b21d78f143c3facdece4dffba964cc5120a341e383b1077e308be5cc67a8eb
`

// contestFigures are answers that the rules give (B1.6, B appendix C).
var contestFigures = []string{
	`"total_sales": 474300`, `"total_sales": 253600`, `"fare": 1800`, `"fare": 2600`, `"discount": 1300`, `"discount": 1500`,
	`"01JDM0TSN83Z2PAWG5FFECNSGC"`, `"CB-09-6107"`, `"01JDFFT9J8JVCFVJAG4WN2B666"`,
}

// TestContestData initializes the server of this repository with the contest's data. Its
// answers on SQLite are those of the rules, and on MariaDB they are the same.
func TestContestData(t *testing.T) {
	dump, err := filepath.Abs("../../../../shared/data/official-initial-data.sql.gz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dump); err != nil {
		t.Skip("needs the contest's dump, which is not part of the repository: ", err)
	}
	program := buildServer(t)
	expected := filepath.Join(t.TempDir(), "expected.json")
	t.Run("sqlite", func(t *testing.T) {
		url := startServer(t, program, "ISURIDE_INITIAL_DATA="+dump)
		prepare(t, url, "--skip-data-check")
		recordContest(t, url, expected)
		bench(t, "run", "--only-post-validation", "--target", url, "--data", expected)
	})
	t.Run("mariadb", func(t *testing.T) {
		url := startServer(t, program, append(mariaDB(t), "ISURIDE_INITIAL_DATA="+dump)...)
		prepare(t, url, "--data", expected)
	})
}

func recordContest(t *testing.T, url, file string) {
	t.Helper()
	accounts := filepath.Join(t.TempDir(), "accounts")
	if err := os.WriteFile(accounts, []byte(contestAccounts), 0o600); err != nil {
		t.Fatal(err)
	}
	bench(t, "record-data", "--target", url, "--accounts", accounts, "--out", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range contestFigures {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is missing among the answers", want)
		}
	}
}

// prepare does everything of a run except the load.
func prepare(t *testing.T, url string, args ...string) {
	t.Helper()
	port := strconv.Itoa(freeport.Ports(t, 1))
	bench(t, append([]string{"run", "-t", "0", "--target", url, "--history", none, "--payment-bind-port", port, "--payment-url", "http://127.0.0.1:" + port}, args...)...)
}

func bench(t *testing.T, args ...string) {
	t.Helper()
	var said string
	status, text := capture(t, &os.Stderr, func() (status int) {
		status, said = capture(t, &os.Stdout, func() int { return dispatch(context.Background(), args) })
		return status
	})
	if status != exitOK {
		t.Fatalf("bench %s: status %d\n%s\n%s", strings.Join(args, " "), status, said, text)
	}
}

// mariaDB starts a database for the test and returns the server's settings for it.
func mariaDB(t *testing.T) []string {
	t.Helper()
	if _, err := exec.LookPath("mariadbd"); err != nil {
		if _, err := os.Stat("/usr/sbin/mariadbd"); err != nil {
			t.Skip("without MariaDB: ", err)
		}
	}
	folder, err := os.MkdirTemp("", "mariadb") // a short path, as it has a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	port, script := strconv.Itoa(freeport.Ports(t, 1)), "../../../scripts/mariadb.sh"
	if out, err := bound.Command(t, script, "start", folder, port).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { bound.Command(t, script, "stop", folder).Run() })
	return []string{"ISUCON_DB_HOST=127.0.0.1", "ISUCON_DB_PORT=" + port}
}
