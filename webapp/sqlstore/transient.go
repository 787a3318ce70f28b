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

// What an error means depends on the moment. While the server serves, only one question
// matters: does the error prove that these rows can never be written (IsRefusal)? All
// else is waited for, since the journal keeps everything and an operator can put anything
// right. At the start an operator waits for an answer, so only what may pass by itself is
// waited for (IsTransient), and what looks like a wrong setting for a short time only
// (accessError).
//
//	what the database says                      while serving           at the start
//	away, busy, full, read-only, over a quota   waits                   waits a minute
//	1044, 1045, 1049: account, database         waits                   10 s, then ends
//	1142, 1143: a right is missing              waits, new connections  ends
//	1146, 1932: a table is gone or broken       waits: it can come back ends
//	1054, 1050, 1064: column, name, syntax      waits: an ALTER TABLE   ends
//	  by an operator, or a proxy, can be taken back
//	SQLite CORRUPT, NOTADB                      waits: the file can be  ends
//	  restored, and the next cut is fenced if that is older
//	another server has the lock (ErrInUse)      waits                   10 s, then ends
//	a value does not fit (refusalsMySQL)        keeps the row aside     keeps it aside
//	the tables are elsewhere (ErrFenced)        ends: two writers       ends

// refusalsMySQL are the numbers of MySQL and MariaDB that speak of a row's values.
var refusalsMySQL = []uint16{
	1022, 1062, 1169, 1586, // duplicate key
	1048, 1263, 1364, 1138, // NULL, or no value, where there must be one
	1216, 1217, 1451, 1452, // foreign key
	1264, 1690, // number out of range
	1265, 1292, 1366, 1367, 1411, 1525, // a value of another kind, also letters that the column lacks
	1300,       // bytes that are no text in the character set
	1406, 1118, // too long for the column or for a row
	1526,       // no partition for the value
	1644, 1643, // a trigger's SIGNAL
	3819, 4025, // CHECK constraint
	3140, 3141, 4038, // JSON_VALID and its like
	1369, // CHECK OPTION of a view
}

// refusalsSQLite are the primary result codes of the same kind.
var refusalsSQLite = []int{sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_RANGE}

// IsRefusal reports whether err proves that the database will not take these values as
// long as its tables are what they are.
func IsRefusal(err error) bool {
	return !errors.Is(err, errCannotKeep) && (isMySQL(err, refusalsMySQL...) || isSQLite(err, refusalsSQLite))
}

// IsHopeless reports whether a cut can never be written, whatever an operator does to the
// database: it is no longer this server's.
func IsHopeless(err error) bool { return errors.Is(err, ErrFenced) || errors.Is(err, ErrNewerSchema) }

// errUnknownDatabase is the number for a database that does not exist.
const errUnknownDatabase = 1049

var (
	// ErrAccount says that the server does not let the account in.
	ErrAccount = errors.New("the server does not let this account in")
	// ErrDatabase says that there is no such database, and that the account may not use
	// or create it.
	ErrDatabase = errors.New("the account cannot use this database")
)

// accessError is ErrAccount or ErrDatabase for an error that looks like a wrong setting
// of ours, else nil. A database that is just being set up answers so, too.
func accessError(err error) error {
	switch {
	case isMySQL(err, 1045, 1130, 1698, 1820, 1862, 3118, 4151): // also a locked account, an old password
		return ErrAccount
	case isMySQL(err, 1044, errUnknownDatabase):
		return ErrDatabase
	}
	return nil
}

// tooManyConnections of the server, of the account, or another quota of it.
var tooManyConnections = []uint16{1040, 1203, 1226}

// transientMySQL are the numbers that are worth waiting for at the start: they pass by
// themselves, or once an operator has acted elsewhere.
var transientMySQL = []uint16{
	1021,             // disk full
	1037, 1038, 1041, // out of memory
	1040,                   // too many connections
	1047,                   // Galera: node not in the primary component yet
	1053,                   // shutdown in progress
	1114,                   // table full
	1129,                   // this host is blocked for now
	1020,                   // the row was changed since it was read (innodb_snapshot_isolation)
	1153,                   // packet too large: a new connection knows the new limit
	1158, 1159, 1160, 1161, // network errors
	1180,       // error during COMMIT
	1203, 1226, // too many connections of this user, or a quota is used up
	1205, 1206, 1213, // lock wait timeout, lock table full, deadlock or a conflict at Galera's commit
	1290, 1792, 1836, 1874, // read-only, as during a switch of the primary
	1317, 1969, 3024, // query interrupted, or beyond its time
	1927,       // connection killed
	3032, 3101, // offline mode, a replication plugin refused the commit
	4031, // the server closed an idle connection
}

// primaryCode masks SQLite's extended result codes.
const primaryCode = 0xff

// transientSQLite are the primary result codes of the same kind. Files that were opened
// before cannot be opened when the process has too many of them.
var transientSQLite = []int{sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
	sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT}

// IsTransient reports whether the same call may succeed later: the connection was lost
// or timed out, the database is starting, stopping, busy, full or read-only.
func IsTransient(err error) bool {
	var network net.Error
	if errors.As(err, new(permanentError)) {
		return false
	}
	return isMySQL(err, transientMySQL...) || isSQLite(err, transientSQLite) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, mysql.ErrPktTooLarge) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network)
}

// permanentError marks an error that is not transient, although its code says so.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// isMySQL reports whether err carries one of the server's error numbers.
func isMySQL(err error, numbers ...uint16) bool {
	var m *mysql.MySQLError
	return errors.As(err, &m) && slices.Contains(numbers, m.Number)
}

// isSQLite reports whether err carries one of the primary result codes.
func isSQLite(err error, codes []int) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && slices.Contains(codes, lite.Code()&primaryCode)
}
