package stream_test

import (
	"os"
	"testing"

	"isuride/webapp/servertest"
)

func TestMain(m *testing.M) {
	code := servertest.Main(m)
	shared.end()
	os.Exit(code)
}
