// Package mysqltest gives tests an empty database on a real server: the one that
// ISURIDE_TEST_MYSQL=host:port:user:password names, or else a private MariaDB that the
// package starts on loopback when the machine has one installed.
//
// A test package keeps one Server for all its tests and closes it at the end:
//
//	var mysql mysqltest.Server
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		mysql.Close()
//		os.Exit(code)
//	}
package mysqltest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"isuride/webapp/sqlstore"
)

// variable names a server to use instead of a private one.
const variable = "ISURIDE_TEST_MYSQL"

// Server is started by the first call of Config. The zero value is ready.
type Server struct {
	// Durable is for benchmarks: the server syncs each commit to the disk, as it has to
	// in production.
	Durable bool
	// Flags are further ones for the private server. With any, the server is always a
	// private one.
	Flags []string

	mu        sync.Mutex
	account   sqlstore.Config // without a database
	private   *process        // nil if the server is not ours
	started   bool
	err       error // why there is no server
	databases int
}

// ErrNotInstalled says that the machine has no MariaDB and the environment names none.
var ErrNotInstalled = errors.New("mariadbd is not installed and " + variable + " is not set")

// startWait bounds the start of the private server, on a busy machine.
const startWait = time.Minute

// Config returns a database of its own for the test, which is dropped at its end. It does
// not exist yet; sqlstore.Open creates it. The test is skipped if there is no server.
func (s *Server) Config(tb testing.TB) sqlstore.Config {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		s.started = true
		s.err = s.startLocked()
	}
	if errors.Is(s.err, ErrNotInstalled) {
		tb.Skip(s.err)
	}
	if s.err != nil {
		tb.Fatalf("start MariaDB: %v", s.err)
	}
	s.databases++
	c := s.account
	c.Name = fmt.Sprintf("isuride_test_%d_%d", os.Getpid(), s.databases)
	tb.Cleanup(func() { s.drop(tb, c) })
	return c
}

func (s *Server) startLocked() (err error) {
	if text, ok := os.LookupEnv(variable); ok && len(s.Flags) == 0 {
		s.account, err = parseAccount(text)
		return err
	}
	if s.private, err = newProcess(s.Durable, s.Flags); err != nil {
		return err
	}
	s.account = s.private.account()
	return s.private.start()
}

// parseAccount reads host:port:user:password.
func parseAccount(text string) (sqlstore.Config, error) {
	parts := strings.SplitN(text, ":", 4)
	if len(parts) != 4 {
		return sqlstore.Config{}, fmt.Errorf("%s=%q is not host:port:user:password", variable, text)
	}
	port, err := strconv.Atoi(parts[1])
	if err != nil {
		return sqlstore.Config{}, fmt.Errorf("%s=%q: port: %w", variable, text, err)
	}
	return sqlstore.Config{Dialect: sqlstore.MySQL, Host: parts[0], Port: port, User: parts[2], Password: parts[3], Wait: startWait}, nil
}

// drop removes the database of a test.
func (s *Server) drop(tb testing.TB, c sqlstore.Config) {
	statement := "DROP DATABASE IF EXISTS " + c.Name
	c.Name = ""
	db, err := sqlx.Connect("mysql", Source(c))
	if err != nil {
		tb.Errorf("drop the test database: %v", err)
		return
	}
	_, err = db.Exec(statement)
	if err := errors.Join(err, db.Close()); err != nil {
		tb.Errorf("drop the test database: %v", err)
	}
}

// Source returns the database's name for the driver, for tests that look past the store.
func Source(c sqlstore.Config) string {
	m := mysql.NewConfig()
	m.Net, m.Addr = "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	m.User, m.Passwd, m.DBName = c.User, c.Password, c.Name
	return m.FormatDSN()
}

// Foreign reports whether the server is not ours, so that its settings must stay.
func (s *Server) Foreign() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.private == nil
}

// Stop ends the private server as a crash does, with SIGKILL; what was committed stays
// for Restart. The test is skipped if the server is not ours.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.private == nil {
		tb.Skip("the server that " + variable + " names cannot be stopped")
	}
	s.private.kill()
}

// Restart starts the server that Stop ended, at the same address.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.private.start(); err != nil {
		tb.Fatalf("restart MariaDB: %v", err)
	}
}

// Close ends the private server and removes its data.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.private != nil {
		s.private.kill()
		s.private.remove()
	}
}
