package nginx_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"isuride/tools/dev/bound"
	"isuride/tools/dev/freeport"
)

// upStack is a complete, separate stack, run by scripts/up.sh and scripts/down.sh.
type upStack struct {
	dir string // for everything it writes
	bin string // its programs
	env []string

	https, databasePort string
}

// newUpStack chooses a folder and ports.
func newUpStack(t *testing.T) *upStack {
	t.Helper()
	for _, program := range []string{"nginx", "mariadbd", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program, " is not installed")
		}
	}
	dir, err := os.MkdirTemp("", "up") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // for the database's own user
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(freeport.Address(t))
	u := &upStack{dir: filepath.Join(dir, "run"), bin: filepath.Join(dir, "bin"), https: freeport.Address(t), databasePort: port}
	u.env = append(os.Environ(), "UP_DIR="+u.dir, "UP_BIN="+u.bin, "UP_DATABASE_PORT="+port,
		"UP_HTTPS="+u.https, "UP_HTTP="+freeport.Address(t), "UP_PAYMENT="+freeport.Address(t))
	return u
}

// build builds the stack's programs.
func (u *upStack) build(t *testing.T) {
	t.Helper()
	command := bound.Command(t, "go", "build", "-o", u.bin+"/",
		"isuride/webapp/cmd/isuride", "isuride/tools/dev/paymentmock", "isuride/tools/dev/devcert")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

// script runs one of the two scripts to its end.
func (u *upStack) script(t *testing.T, name string) error {
	t.Helper()
	command := bound.Command(t, "../scripts/"+name)
	command.Env = u.env
	output, err := command.CombinedOutput()
	t.Logf("%s: %v\n%s", name, err, output)
	return err
}

func (u *upStack) mustScript(t *testing.T, name string) {
	t.Helper()
	if err := u.script(t, name); err != nil {
		t.Fatal(name, " failed")
	}
}

var pidFiles = [...]string{"mariadb/mariadb.pid", "paymentmock.pid", "server.pid", "nginx.pid"}

// pids returns the stack's processes in the order of pidFiles.
func (u *upStack) pids(t *testing.T) (pids [len(pidFiles)]int) {
	t.Helper()
	for i, name := range pidFiles {
		content, err := os.ReadFile(filepath.Join(u.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if pids[i], err = strconv.Atoi(strings.TrimSpace(string(content))); err != nil {
			t.Fatal(err)
		}
	}
	return pids
}

// lives reports whether a process exists; a zombie does not count.
func lives(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestUpAndDown(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a whole stack")
	}
	u := newUpStack(t)
	u.build(t)
	t.Cleanup(func() { u.script(t, "down.sh") })
	u.mustScript(t, "up.sh")
	first := u.pids(t)
	u.mustScript(t, "up.sh")
	if again := u.pids(t); again != first {
		t.Errorf("the second up changed processes: %v, then %v", first, again)
	}

	u.limitAccount(t)
	const server = 2
	if err := syscall.Kill(first[server], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	u.mustScript(t, "up.sh")
	revived := u.pids(t)
	if revived[server] == first[server] {
		t.Error("the killed server was not started again")
	}
	revived[server] = first[server]
	if revived != first {
		t.Errorf("more than the server was started again: %v, then %v", first, revived)
	}

	u.initialize(t)

	last := u.pids(t)
	u.mustScript(t, "down.sh")
	for i, pid := range last {
		if lives(pid) {
			t.Errorf("%s: process %d outlived down", pidFiles[i], pid)
		}
	}
	u.mustScript(t, "down.sh")
}

// limitAccount sets up the database as on a separate host: the server's account works
// from one address, on one database, with only the rights the server needs.
func (u *upStack) limitAccount(t *testing.T) {
	t.Helper()
	template, err := os.ReadFile("../sql/0-host.sql.template")
	if err != nil {
		t.Fatal(err)
	}
	statements := os.Expand(string(template), func(name string) string {
		return map[string]string{"DB_NAME": "isuride", "DB_USER": "isucon", "DB_PASSWORD": "isucon", "DB_CLIENT": "127.0.0.1"}[name]
	})
	for range 2 {
		if output, err := u.sql(t, "--socket="+filepath.Join(u.dir, "mariadb", "mariadb.sock"), "--execute="+statements); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	account := []string{"--protocol=tcp", "--host=127.0.0.1", "--port=" + u.databasePort, "--user=isucon", "--password=isucon"}
	for statement, allowed := range map[string]bool{
		"SELECT COUNT(*) FROM isuride.users":                           true,
		"SELECT COUNT(*) FROM mysql.user":                              false,
		"CREATE DATABASE other":                                        false,
		"SELECT 1 INTO OUTFILE '" + filepath.Join(u.dir, "file") + "'": false,
		"GRANT SELECT ON isuride.* TO 'isucon'@'%'":                    false,
	} {
		if output, err := u.sql(t, append(account, "--execute="+statement)...); (err == nil) != allowed {
			t.Errorf("%s: %v\n%s", statement, err, output)
		}
	}
	if output, err := u.sql(t, append(account, "--bind-address=127.0.0.2", "--execute=SELECT 1")...); err == nil {
		t.Errorf("the account is good from another address: %s", output)
	}
}

// sql runs the database's client.
func (u *upStack) sql(t *testing.T, arguments ...string) ([]byte, error) {
	return bound.Command(t, "mariadb", append([]string{"--no-defaults"}, arguments...)...).CombinedOutput()
}

// initialize recreates all tables, through nginx. On a busy machine it may take longer than the server's limit; then
// nothing has changed, and it is asked for again.
func (u *upStack) initialize(t *testing.T) {
	t.Helper()
	output, err := u.askInitialize(t)
	for range 3 {
		if err != nil {
			t.Logf("initialize: %v, %q", err, output)
			output, err = u.askInitialize(t)
		}
	}
	if err != nil || string(output) != `{"language":"go"}` {
		t.Errorf("initialize: %v, %q", err, output)
	}
}

func (u *upStack) askInitialize(t *testing.T) ([]byte, error) {
	t.Helper()
	return bound.Command(t, "curl", "--noproxy", "*", "--silent", "--fail", "--cacert", filepath.Join(u.dir, "tls", "cert.pem"),
		"--data", `{"payment_server":"http://127.0.0.1:9"}`, "https://"+strings.Replace(u.https, "127.0.0.1", "localhost", 1)+"/api/initialize").CombinedOutput()
}

// After a crash, the pid in a stale pid file may belong to an unrelated process.
func TestDownSparesStrangers(t *testing.T) {
	stranger := bound.Command(t, "sleep", "600")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- stranger.Wait() }()
	defer stranger.Process.Kill()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"server.pid": strconv.Itoa(stranger.Process.Pid),
		"server.id":  "another boot 4711",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	u := &upStack{dir: dir, env: append(os.Environ(), "UP_DIR="+dir)}
	u.mustScript(t, "down.sh")
	if err := stranger.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the unrelated process was ended: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "server.pid")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stale pid file is still there: %v", err)
	}
	stranger.Process.Kill()
	within(t, ended, "end of the stranger")
}

// A port in use is reported before anything is started.
func TestUpRefusesTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u := newUpStack(t)
	if err := os.Mkdir(u.bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"isuride", "paymentmock", "devcert"} { // they only need to exist
		if err := os.WriteFile(filepath.Join(u.bin, program), []byte("#!/bin/false\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	free := u.env
	for _, variable := range []string{"UP_HTTPS", "UP_HTTP", "UP_PAYMENT"} {
		u.env = append(slices.Clip(free), variable+"="+l.Addr().String())
		if u.script(t, "up.sh") == nil {
			t.Errorf("%s: up accepted a port in use", variable)
		}
		if entries, err := os.ReadDir(u.dir); err != nil || len(entries) != 0 {
			t.Errorf("%s: up began all the same: %v, %v", variable, entries, err)
		}
	}
}
