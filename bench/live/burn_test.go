package live

import (
	"context"
	"runtime"
	"testing"
)

// TestOfficialClient: a run with a dear client says what it burned, and leaves the
// process as it was.
func TestOfficialClient(t *testing.T) {
	for _, official := range []bool{false, true} {
		c := new(stub).start(t, 10)
		c.Official = official
		procs := runtime.GOMAXPROCS(0)
		r, err := Run(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOMAXPROCS(0) != procs || r.Loops != 1+loops(procs) {
			t.Errorf("%d processors after the run, %d before; %d loops", runtime.GOMAXPROCS(0), procs, r.Loops)
		}
		switch {
		case !official:
			if r.Client != nil {
				t.Errorf("burned without being told to: %+v", r.Client)
			}
		case r.Client == nil || r.Client.Threads != procs || r.Client.Kinds[0].Count == 0 || r.Client.Burned <= 0:
			t.Errorf("%+v", r.Client)
		}
	}
}
