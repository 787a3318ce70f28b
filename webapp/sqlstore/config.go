package sqlstore

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Dialect is the kind of database.
type Dialect int

const (
	// SQLite is the embedded database in a file.
	SQLite Dialect = iota
	// MySQL is any database that speaks its protocol.
	MySQL
)

// String names the dialect for messages.
func (d Dialect) String() string {
	if d == MySQL {
		return "MySQL"
	}
	return "SQLite"
}

// Config says where the database is.
type Config struct {
	Dialect Dialect

	// Host is a name or address, or the path of a unix socket.
	Host                 string
	Port                 int
	User, Password, Name string

	// Path is SQLite's file; its folder is created.
	Path string

	// KeepPositions is how long a row of chair_locations stays; 0 means for ever. Of older
	// ones only the sums stay (prune.go).
	KeepPositions time.Duration

	// Shared says that the servers of a replica group share a MySQL database: none of them
	// locks it, and who may write is decided by its term (Store.Lead).
	Shared bool

	// Wait bounds the time that Open waits for a database that does not answer yet; 0
	// means a minute.
	Wait time.Duration
}

const defaultWait = time.Minute

// dialTimeout bounds one attempt to reach the server.
const dialTimeout = 5 * time.Second

func (c Config) wait() time.Duration { return cmp.Or(c.Wait, defaultWait) }

// String names the database for messages, without the password.
func (c Config) String() string {
	if c.Dialect == SQLite {
		return "SQLite file " + c.Path
	}
	return fmt.Sprintf("MySQL database %s of user %s at %s", c.Name, c.User, c.address())
}

func (c Config) address() string {
	if c.socket() {
		return c.Host
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
}

func (c Config) socket() bool { return strings.HasPrefix(c.Host, "/") }

// mysql returns the driver's configuration for the database name, which may be "".
//
// What the session must be like is in settings.
func (c Config) mysql(name string) *mysql.Config {
	m := mysql.NewConfig()
	m.Net, m.Addr = "tcp", c.address()
	if c.socket() {
		m.Net = "unix"
	}
	m.User, m.Passwd, m.DBName = c.User, c.Password, name
	m.Timeout = dialTimeout
	m.Logger = &mysql.NopLogger{} // what it would print is returned as an error, too
	m.Collation = "utf8mb4_general_ci"
	m.InterpolateParams = true
	return m
}

// sqlite returns the data source name of the file: one writer at a time takes the lock
// when its transaction begins, and every commit reaches the disk.
func (c Config) sqlite() string {
	q := url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}
	return "file:" + (&url.URL{Path: c.Path}).EscapedPath() + "?" + q.Encode()
}
