package main

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	_ "modernc.org/sqlite"

	"isuride/bench/live"
	"isuride/bench/world"
	"isuride/tools/dev/freeport"
)

// TestPostCheckOfRepositoryServer kills the server of this repository in the middle of a
// load. Everything acknowledged is there after its restart, until one ride is removed
// from its database.
func TestPostCheckOfRepositoryServer(t *testing.T) {
	program, data := buildServer(t), t.TempDir()
	file := filepath.Join(t.TempDir(), "ledger.json")
	url, server := launchServer(t, program, data)
	loadUntilKilled(t, url, file, server)

	url, server = launchServer(t, program, data)
	if status, text := postCheck(t, url, file); status != exitOK || !strings.Contains(text, "are as acknowledged") || strings.Contains(text, " and 0 under way") {
		t.Errorf("after the crash: status %d, says\n%s", status, text)
	}
	stop(t, server)

	lost := loseRide(t, filepath.Join(data, "isuride.db"), file)
	forgetSnapshots(t, data) // otherwise nobody reads the tables
	url, server = launchServer(t, program, data)
	defer func() { // its own audit has noticed, too
		if end(server) == nil {
			t.Error("a server whose books do not add up ends without a fault")
		}
	}()
	status, text := postCheck(t, url, file)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	// The ride, its sales among those of its owner and those of its chair.
	if status != exitFailed || len(lines) != 3 || !strings.Contains(lines[0], "ride "+lost+" is missing") {
		t.Errorf("without a ride: status %d, says\n%s", status, text)
	}
}

// forgetSnapshots has the next start read the tables, as durability.md says that one does who has
// changed them.
func forgetSnapshots(t *testing.T, data string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "journal", "*", "*.snapshot"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d snapshots, %v", len(files), err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// killer is an observer that kills the server once enough rides are completed, and then
// ends the run.
type killer struct {
	live.Observer
	server *exec.Cmd
	end    func()
}

func (k killer) Sample(s live.Sample) {
	k.Observer.Sample(s)
	if s.Completed >= 100 {
		k.server.Process.Kill()
	}
}

func (k killer) Phase(p live.Phase) {
	k.Observer.Phase(p)
	if p == live.PhaseFinal {
		k.end()
	}
}

func loadUntilKilled(t *testing.T, url, ledger string, server *exec.Cmd) {
	t.Helper()
	port := strconv.Itoa(freeport.Ports(t, 1))
	s, err := parseRun([]string{
		"--target", url, "--data", filepath.Join("..", "..", "..", "sql", "expected-answers.json"), "-t", "60", "--open-loop", "100", "--seed", "1",
		"--payment-bind-port", port, "--payment-url", "http://127.0.0.1:" + port, "--history", none, "--ledger", ledger,
	}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	config, err := s.config()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var result *live.Result
	_, text := capture(t, &os.Stdout, func() int {
		err = s.repeat(ctx, config, &reporter{}, func(ctx context.Context, c live.Config) (_ *live.Result, err error) {
			c.Observer = killer{c.Observer, server, cancel}
			result, err = live.Run(ctx, c)
			return result, err
		})
		return 0
	})
	server.Wait()
	if result == nil || result.World.RidesEvaluated < 100 || !strings.Contains(result.Reason, "too many errors") {
		t.Fatalf("%v, says\n%s", err, text)
	}
}

// postCheck runs the command.
func postCheck(t *testing.T, url, ledger string) (status int, text string) {
	t.Helper()
	return capture(t, &os.Stdout, func() int {
		return dispatch(context.Background(), []string{"run", "--target", url, "--post-check", ledger, "--data", filepath.Join("..", "..", "..", "sql", "expected-answers.json")})
	})
}

// loseRide removes a completed ride of the ledger from the database of a stopped server.
func loseRide(t *testing.T, database, ledger string) (id string) {
	t.Helper()
	f, err := os.Open(ledger)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := live.ReadLedger(f)
	if err != nil {
		t.Fatal(err)
	}
	id = firstRide(l)
	db, err := sql.Open("sqlite", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"DELETE FROM ride_statuses WHERE ride_id = ?", "DELETE FROM rides WHERE id = ?"} {
		r, err := db.Exec(statement, id)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.RowsAffected(); n == 0 || err != nil {
			t.Fatalf("%s: %d rows, %v", statement, n, err)
		}
	}
	return id
}

func firstRide(l *world.Ledger) string {
	for _, u := range l.Users {
		if len(u.Rides) > 0 {
			return u.Rides[0].ID
		}
	}
	panic("BUG: a ledger without a ride")
}

// stop ends the server in order.
func stop(t *testing.T, server *exec.Cmd) {
	t.Helper()
	if err := end(server); err != nil {
		t.Error(err)
	}
}

func end(server *exec.Cmd) error {
	server.Process.Signal(syscall.SIGTERM)
	return server.Wait()
}
