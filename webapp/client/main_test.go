package client_test

import (
	"os"
	"testing"

	"isuride/webapp/servertest"
)

func TestMain(m *testing.M) { os.Exit(servertest.Main(m)) }
