// Package servertest runs the server for tests that see it from outside: as a process of
// its own over real HTTP, on both databases, with a payment gateway. It has the clients
// that make calls (Client, Stream), ready scenes (Scene), a reader of the operators'
// listener, and Oracle, which computes the answers from the rows of the tables.
//
// The rules are tested in webapp/acceptance, crashes in webapp/crash, start and stop in
// webapp/server. A package that uses this one has the line
//
//	func TestMain(m *testing.M) { os.Exit(servertest.Main(m)) }
//
// Nothing of it is part of the program. Test packages may run at the same time: ports,
// folders and databases are each test's own.
package servertest

import (
	"os"
	"testing"

	"isuride/webapp/server"
	"isuride/webapp/sqlstore/mysqltest"
)

// AsServer makes the test binary be the server: a real process, which can be killed, and
// which has the race detector if the tests have it.
const AsServer = "ISURIDE_TEST_AS_SERVER"

var mysql mysqltest.Server

// Main runs a package's tests, or the server, and returns the exit status.
func Main(m *testing.M) int {
	if os.Getenv(AsServer) != "" {
		return server.Main(os.Args[1:])
	}
	defer mysql.Close()
	return m.Run()
}
