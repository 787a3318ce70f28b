package client_test

import (
	"os"
	"sync"
	"testing"

	"isuride/webapp/servertest"
)

// compiled is the folder of what TypeScript makes, once compile has made it.
var (
	compiled string
	compile  sync.Once
)

func TestMain(m *testing.M) {
	status := servertest.Main(m)
	if compiled != "" {
		_ = os.RemoveAll(compiled) // it is a temporary one
	}
	os.Exit(status)
}
