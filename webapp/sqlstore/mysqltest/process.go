package mysqltest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"isuride/tools/dev/freeport"
	"isuride/webapp/sqlstore"
)

// process is a MariaDB server of our own, in a folder of its own.
type process struct {
	daemon  string // path of the program
	folder  string // removed at the end
	port    int
	durable bool
	flags   []string      // besides ours
	command *exec.Cmd     // nil while it does not run
	ended   chan struct{} // closed when command has ended
}

// installFlags decide how the data folder is made: with a log of 16 MiB instead of 96,
// as the folder is copied for each run.
var installFlags = []string{"--no-defaults", smallLog, "--skip-name-resolve"}

const smallLog = "--innodb-log-file-size=16M"

// serverFlags make a server that is small enough for tests and keeps what it commits.
var serverFlags = []string{"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=128M",
	"--performance-schema=0", "--skip-log-bin", "--bind-address=127.0.0.1"}

// fastFlags leave writing to the disk to the system: what is committed survives a kill,
// but not a power loss. They make tests twice as fast.
var fastFlags = []string{"--innodb-flush-method=nosync", smallLog}

// newProcess makes a data folder and finds a free port.
func newProcess(durable bool, flags []string) (*process, error) {
	daemon, err := findDaemon()
	if err != nil {
		return nil, err
	}
	template, err := dataTemplate(daemon)
	if err != nil {
		return nil, err
	}
	port, err := freeport.Take(1)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "isuride-mariadb-")
	if err != nil {
		return nil, err
	}
	p := &process{daemon: daemon, folder: folder, port: port, durable: durable, flags: flags}
	if err := os.CopyFS(p.data(), os.DirFS(template)); err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

func (p *process) data() string { return filepath.Join(p.folder, "data") }

// account returns the data folder's account for tests.
func (p *process) account() sqlstore.Config {
	return sqlstore.Config{Dialect: sqlstore.MySQL, Host: "127.0.0.1", Port: p.port,
		User: testUser, Password: testPassword, Wait: startWait}
}

const testUser, testPassword = "isuride", "isuride"

// findDaemon looks where distributions put it; /usr/sbin is not in every user's path.
func findDaemon() (string, error) {
	for _, name := range []string{"mariadbd", "/usr/sbin/mariadbd", "/usr/libexec/mariadbd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNotInstalled
}

// start runs the server and waits until it answers.
func (p *process) start() error {
	flags := append([]string{"--no-defaults", "--datadir=" + p.data(), "--port=" + strconv.Itoa(p.port),
		"--socket=" + filepath.Join(p.folder, "s"), "--pid-file=" + filepath.Join(p.folder, "pid"),
		"--init-file=" + filepath.Join(p.data(), accountFile)}, serverFlags...)
	if !p.durable {
		flags = append(flags, fastFlags...)
	}
	flags = append(flags, p.flags...)
	if os.Geteuid() == 0 {
		flags = append(flags, "--user=root") // it refuses to run as root otherwise
	}
	var output bytes.Buffer
	p.command = exec.Command(p.daemon, flags...)
	p.command.Stdout, p.command.Stderr = &output, &output
	if err := p.run(); err != nil {
		return err
	}
	if err := p.waitAnswer(); err != nil {
		p.kill()
		return fmt.Errorf("%w\n%s", err, output.Bytes())
	}
	return nil
}

// run starts the command in a thread of its own, to whose life dieWithParent may tie it.
func (p *process) run() error {
	dieWithParent(p.command)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := p.command.Start()
		started <- err
		if err == nil {
			_ = p.command.Wait() // ends by a kill, or before it answers, which start reports
		}
	}()
	p.ended = ended
	err := <-started
	if err != nil {
		p.command = nil
	}
	return err
}

// waitAnswer returns when the account of the tests can log in.
func (p *process) waitAnswer() error {
	ctx, cancel := context.WithTimeout(context.Background(), startWait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		db, err := sqlx.ConnectContext(ctx, "mysql", Source(p.account()))
		if err == nil {
			return db.Close()
		}
		select {
		case <-p.ended:
			return errors.New("the server ended")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// kill ends the server at once and waits for its end.
func (p *process) kill() {
	if p.command == nil {
		return
	}
	_ = p.command.Process.Kill() // an error says that it has ended already
	<-p.ended
	p.command = nil
}

// remove deletes the folder; what is left of it does no harm.
func (p *process) remove() { _ = os.RemoveAll(p.folder) }

// accountFile creates the tests' account at each start.
const accountFile = "isuride-account.sql"

const accountStatements = "CREATE USER IF NOT EXISTS '" + testUser + "'@'%' IDENTIFIED BY '" + testPassword + "';\n" +
	"GRANT ALL PRIVILEGES ON *.* TO '" + testUser + "'@'%' WITH GRANT OPTION;\n"

// dataTemplate returns the path of a fresh data folder, which takes seconds to make and
// is therefore kept in the user's cache, one for each build of the server and its flags.
func dataTemplate(daemon string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	version, err := exec.Command(daemon, "--no-defaults", "--version").Output()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Append(nil, string(version), installFlags, accountStatements))
	template := filepath.Join(cache, "isuride", "mariadb-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(template); !errors.Is(err, fs.ErrNotExist) {
		return template, err
	}
	return template, makeTemplate(template)
}

// makeTemplate makes the folder beside its place and moves it there, so that processes
// doing the same at the same time do not meet in it.
func makeTemplate(template string) error {
	if err := os.MkdirAll(filepath.Dir(template), 0o755); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(filepath.Dir(template), "making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	data := filepath.Join(folder, "data")
	flags := append(append([]string(nil), installFlags...), "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")
	if os.Geteuid() == 0 {
		flags = append(flags, "--user=root")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*startWait)
	defer cancel()
	if output, err := exec.CommandContext(ctx, "mariadb-install-db", flags...).CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, output)
	}
	if err := os.WriteFile(filepath.Join(data, accountFile), []byte(accountStatements), 0o600); err != nil {
		return err
	}
	if err := os.Rename(data, template); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
