package servertest

import (
	"testing"

	"isuride/tools/dev/cable"
)

// Proxy is a way to a server, from another one of its group for instance, that can be cut.
type Proxy struct {
	*cable.Cable
	from, to int // in a group
}

// NewProxy leads to a target, host:port, until the test ends.
func NewProxy(t *testing.T, target string) *Proxy {
	t.Helper()
	c, err := cable.New("127.0.0.1:0", target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &Proxy{Cable: c}
}
