package server_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/webapp/servertest"
	"isuride/webapp/sqlstore"
)

// TestDatabaseMissing: a server that finds no database waits, and says for what.
func TestDatabaseMissing(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.UseMySQL(absent)
	if err := p.Launch(); err != nil {
		t.Fatal(err)
	}
	p.Says("waiting for the database")
	p.Says("127.0.0.1:1")
	p.Inside = p.Output.Inside()
	p.Unwell("the server is starting")
}

// absent is an address where no database answers.
var absent = sqlstore.Config{Dialect: sqlstore.MySQL, Host: "127.0.0.1", Port: 1,
	User: "u", Password: "p", Name: "isuride"}

// TestUnknownArguments: what is not understood ends the program before anything is made.
func TestUnknownArguments(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"start", `"start" is unknown`},
		{"repair", "did you mean -repair?"},
		{"-repiar", "did you mean -repair?"},
		{"-port 8080", "-port is unknown"},
		{"-repair=perhaps", "-repair"},
		{"-repair false", `"false" is unknown`},
		{"-- x", `"x" is unknown`},
		{"inspct", "did you mean inspect?"},
		{"-restore", "-restore is unknown"},
		{"-repair inspect", `"inspect" is unknown`},
		{"inspect -jsno", "did you mean -json?"},
		{"inspect -from yesterday", `"yesterday" is neither a position, as 4711, nor a time`},
		{"inspect -ride a -chair b", "only one of -ride, -user and -chair"},
		{"inspect a b", `unexpected argument "b"`},
		{"restore", "-to, -db and -into are needed"},
		{"audit x", `unexpected argument "x"`},
		{"audit -gatway y", "did you mean -gateway?"},
		{"restore -to 1 -db a -inot b", "did you mean -into?"},
		{"restore -to 1 -db a -into b c", `unexpected argument "c"`},
	} {
		folder := filepath.Join(t.TempDir(), "data")
		cmd := bound.Command(t, os.Args[0], strings.Fields(c.args)...)
		cmd.Env = []string{servertest.AsServer + "=1", "ISURIDE_DATA=" + folder, "ISURIDE_LISTEN=127.0.0.1:0"}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v\n%s", c.args, err, out)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%s makes a data folder", c.args)
		}
	}
}

// TestRefusesToStart: what only shows when a value is used ends the start as well. The
// error names the variable, or the path that it holds.
func TestRefusesToStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("INSERT INTO users VALUES (1);"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		named string
		env   []string
	}{
		{"ISURIDE_DURABILITY", []string{"ISURIDE_DURABILITY=some"}},
		{"ISURIDE_LISTEN", []string{"ISURIDE_LISTEN=" + taken.Addr().String()}},
		{"ISURIDE_LISTEN", []string{"ISURIDE_LISTEN=127.0.0.1:99999"}},
		{"ISURIDE_LISTEN", []string{"ISURIDE_LISTEN=unix:" + filepath.Join(folder, "no", "such", "folder")}},
		{"ISURIDE_TLS_CERT", []string{"ISURIDE_TLS_LISTEN=127.0.0.1:0", "ISURIDE_TLS_CERT=" + file, "ISURIDE_TLS_KEY=" + file}},
		{"ISURIDE_STATIC", []string{"ISURIDE_STATIC=" + folder}},
		{"ISURIDE_STATIC", []string{"ISURIDE_STATIC=" + file}},
		{file + ": dump line 1", []string{"ISURIDE_INITIAL_DATA=" + file}},
		{file, []string{"ISURIDE_JOURNAL=" + file}},
		{folder, []string{"ISURIDE_SQLITE=" + folder}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			p := servertest.New(t)
			p.Bare()
			p.Env = append(p.Env, c.env...)
			err := p.TryStart()
			if err == nil {
				t.Fatal("the server starts")
			}
			if !strings.Contains(lastLine(err.Error()), c.named) {
				t.Errorf("with %v it ends with %v", c.env, err)
			}
		})
	}
}

// lastLine is the last line of the server's log.
func lastLine(output string) string {
	output = strings.TrimSpace(output)
	return output[strings.LastIndex(output, "\n")+1:]
}

// TestInternalAddressTaken: the variable is named.
func TestInternalAddressTaken(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.Bare()
	p.Start()
	q := servertest.New(t, "ISURIDE_INTERNAL="+strings.TrimPrefix(p.Inside, "http://"))
	if err := q.TryStart(); err == nil || !strings.Contains(err.Error(), "ISURIDE_INTERNAL: ") {
		t.Errorf("an address taken is answered with: %v", err)
	}
}

// TestStopWhileStarting: TERM ends a server that waits for its database in good order.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	p := servertest.New(t)
	p.UseMySQL(absent)
	if err := p.Launch(); err != nil {
		t.Fatal(err)
	}
	p.Says("waiting for the database")
	p.Stop()
	mustSay(p.Output, t, "stopping before the start was complete")
}

// TestSecondStartIsHarmless: with the journal in use it does not even look at the socket.
func TestSecondStartIsHarmless(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	p := servertest.New(t, "ISURIDE_LISTEN=127.0.0.1:0,unix:"+socket)
	p.Start()
	second := *p
	for range 2 {
		if err := second.TryStart(); err == nil || !strings.Contains(err.Error(), "in use by another server") {
			t.Fatalf("the second start: %v", err)
		}
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatalf("the first server cannot be reached: %v", err)
		}
		c.Close()
	}
	p.Stop()
	if _, err := os.Lstat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end: %v", err)
	}
}
