package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/go-sql-driver/mysql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Error numbers of MySQL and MariaDB.
const errUnknownDatabase = 1049

// transientMySQL are the numbers that pass by themselves or once an operator has acted,
// without any change to what is written.
var transientMySQL = []uint16{
	1021,                   // disk full
	1040,                   // too many connections
	1047,                   // Galera: node not in the primary component yet
	1053,                   // shutdown in progress
	1114,                   // table full
	1158, 1159, 1160, 1161, // network errors
	1180,             // error during COMMIT
	1203,             // too many connections of this user
	1205,             // lock wait timeout
	1213,             // deadlock, also a conflict at Galera's commit
	1290, 1792, 1836, // read-only, as during a switch of the primary
	1317, // query interrupted
	1927, // connection killed
	3101, // a replication plugin refused the commit
}

// primaryCode masks SQLite's extended result codes.
const primaryCode = 0xff

// transientSQLite are the primary result codes of the same kind. Files that were opened before cannot be
// opened when the process has too many of them.
var transientSQLite = []int{sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}

// IsTransient reports whether the same call may succeed later: the connection was lost
// or timed out, the database is starting, stopping, busy, full or read-only. Everything
// else stays an error however often it is tried.
func IsTransient(err error) bool {
	var network net.Error
	var lite *sqlite.Error
	var keep keepError
	switch {
	case errors.As(err, &keep):
		return true
	case isMySQL(err, transientMySQL...),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, context.DeadlineExceeded), errors.As(err, &network):
		return true
	case errors.As(err, &lite):
		return slices.Contains(transientSQLite, lite.Code()&primaryCode)
	}
	return false
}

// isMySQL reports whether err carries one of the server's error numbers.
func isMySQL(err error, numbers ...uint16) bool {
	var m *mysql.MySQLError
	return errors.As(err, &m) && slices.Contains(numbers, m.Number)
}
