package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// ErrSession says that the database does not keep a setting that the server needs on its
// connections.
var ErrSession = errors.New("the connection to the database is not as the server needs it")

// setting is a variable of a MySQL session. Servers, their init_connect and proxies
// change what a driver asks for, so each is read on every new connection, set where it
// differs, and read again.
type setting struct {
	name string // as SHOW VARIABLES has it
	want string
	set  string // statement that makes it so
	why  string
}

const setNames = "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci"

// settings list what the statements of this package rely on. A server that lacks one
// (MySQL and MariaDB name some differently) has nothing to differ in. Values are compared
// without case, lists without order.
var settings = []setting{
	{"character_set_client", "utf8mb4", setNames, "names would be stored as other letters"},
	{"character_set_connection", "utf8mb4", setNames, "names would be stored as other letters"},
	{"character_set_results", "utf8mb4", setNames, "names would be read as other letters"},
	{"collation_connection", "utf8mb4_general_ci", setNames, "names would compare differently"},
	{"autocommit", "ON", "SET SESSION autocommit = 1", "idle connections would hold locks"},
	{"sql_mode", sqlMode, "SET SESSION sql_mode = '" + sqlMode + "'", "values would be cut to fit, and quotes read differently"},
	{"time_zone", "+00:00", "SET SESSION time_zone = '+00:00'", "times would be shifted"},
	{"transaction_isolation", "REPEATABLE-READ", setIsolation, "a load would see half of a cut"},
	{"tx_isolation", "REPEATABLE-READ", setIsolation, "a load would see half of a cut"},
	{"transaction_read_only", "OFF", setReadWrite, "nothing could be written"},
	{"tx_read_only", "OFF", setReadWrite, "nothing could be written"},
	{"lock_wait_timeout", lockWait, "SET SESSION lock_wait_timeout = " + lockWait, "a start would wait for a lock for a day"},
	{"innodb_lock_wait_timeout", lockWait, "SET SESSION innodb_lock_wait_timeout = " + lockWait, "a cut would wait beyond its time"},
	{"sql_safe_updates", "OFF", "SET SESSION sql_safe_updates = 0", "some statements would be refused"},
	{"sql_auto_is_null", "OFF", "SET SESSION sql_auto_is_null = 0", "NULL would be found where it is not"},
	{"max_statement_time", "0.000000", "SET SESSION max_statement_time = 0", "a long load would be cut short"},
	{"max_execution_time", "0", "SET SESSION max_execution_time = 0", "a long load would be cut short"},
	{"sql_select_limit", selectAll, setReadable, "rows would be missing from a load"},
	{"sql_big_selects", "ON", setReadable, "a long load would be refused"},
	{"completion_type", "NO_CHAIN", "SET SESSION completion_type = 0", "idle connections would hold locks"},
	{"foreign_key_checks", "ON", "SET SESSION foreign_key_checks = 1", "children could lose their parents"},
	{"unique_checks", "ON", "SET SESSION unique_checks = 1", "names could be taken twice"},
}

const (
	// Without the last one, a table for which InnoDB is unavailable gets another
	// engine.
	sqlMode      = "STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_ENGINE_SUBSTITUTION"
	setIsolation = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
	selectAll    = "18446744073709551615"
	setReadable  = "SET SESSION sql_big_selects = 1, sql_select_limit = " + selectAll
	setReadWrite = "SET SESSION TRANSACTION READ WRITE"
	// lockWait is in seconds. An initialize, which has 22 for everything, waits less
	// (lockLimit).
	lockWait = "10"
	// packetVariable bounds a statement's length; it is only read.
	packetVariable = "max_allowed_packet"
)

// connector makes connections that are as settings say.
type connector struct {
	driver.Connector
	// packet is the longest statement that the newest connection takes, in bytes.
	packet *atomic.Int64
}

// Connect opens a connection, or says which setting the other side does not keep.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.settle(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// A server counts a connection for some milliseconds after its end, against an account
// that may have few.
const (
	dialPause = 50 * time.Millisecond
	dialTries = 10
)

func (c connector) dial(ctx context.Context) (conn driver.Conn, err error) {
	for range dialTries {
		conn, err = c.Connector.Connect(ctx)
		if !isMySQL(err, tooManyConnections...) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(dialPause):
		}
	}
	return conn, err
}

func (c connector) settle(ctx context.Context, conn driver.Conn) error {
	// These come first, since they would cut the list of the others short or refuse it.
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, setReadable, nil); err != nil {
		return fmt.Errorf("%s: %w", setReadable, err)
	}
	has, err := readSettings(ctx, conn)
	if err != nil {
		return err
	}
	done := map[string]bool{}
	for _, s := range settings {
		if s.holds(has) || done[s.set] {
			continue
		}
		done[s.set] = true
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, s.set, nil); err != nil {
			return fmt.Errorf("%s: %w", s.set, err)
		}
	}
	if len(done) > 0 {
		if has, err = readSettings(ctx, conn); err != nil {
			return err
		}
	}
	for _, s := range settings {
		if !s.holds(has) {
			return fmt.Errorf("%w: %s is %q and stays so, it must be %q, or %s; look for what sets it: the server's configuration, its init_connect, a proxy",
				ErrSession, s.name, has[s.name], s.want, s.why)
		}
	}
	var packet int64
	if _, err := fmt.Sscan(has[packetVariable], &packet); err == nil {
		c.packet.Store(packet)
	}
	return nil
}

func (s setting) holds(has map[string]string) bool {
	value, there := has[s.name]
	return !there || strings.EqualFold(sorted(value), sorted(s.want))
}

// sorted brings a list's words into one order.
func sorted(list string) string {
	words := strings.Split(strings.ToUpper(list), ",")
	slices.Sort(words)
	return strings.Join(words, ",")
}

var readStatement = func() string {
	names := []string{packetVariable}
	for _, s := range settings {
		names = append(names, s.name)
	}
	return "SHOW SESSION VARIABLES WHERE Variable_name IN ('" + strings.Join(names, "', '") + "')"
}()

func readSettings(ctx context.Context, conn driver.Conn) (_ map[string]string, err error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, readStatement, nil)
	if err != nil {
		return nil, fmt.Errorf("read the session's settings: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	has := map[string]string{}
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return has, nil
		case err != nil:
			return nil, err
		}
		has[strings.ToLower(text(row[0]))] = text(row[1])
	}
}

// text returns a value as the driver hands it out, which keeps the bytes.
func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}
