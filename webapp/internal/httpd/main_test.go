package httpd

import (
	"os"
	"testing"
)

// TestMain lets the test binary double as the load of the loopback benchmark, so that the
// CPU time of this process is the server's alone.
func TestMain(m *testing.M) {
	if os.Getenv(loadVar) != "" {
		runLoad(os.Getenv(loadVar))
		return
	}
	os.Exit(m.Run())
}
