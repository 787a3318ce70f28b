package main

import (
	"os"
	"testing"

	"isuride/webapp/sqlstore/mysqltest"
)

// asServer makes the test binary be the server: the stories below run against a real
// process, over real HTTP, that can be killed, and that has the race detector if the
// tests have it.
const asServer = "ISURIDE_TEST_AS_SERVER"

var mysql mysqltest.Server

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asBare) != "":
		runBare()
		return
	case os.Getenv(asServer) != "":
		main()
		return
	}
	code := m.Run()
	mysql.Close()
	os.Exit(code)
}
