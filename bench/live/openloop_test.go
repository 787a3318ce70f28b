package live

import (
	"context"
	"testing"
	"time"

	"isuride/bench/world"
)

// TestOpenLoop runs against a server that never has a chair nearby: all rides begin, none
// is created.
func TestOpenLoop(t *testing.T) {
	c := new(stub).start(t, 20)
	c.RideRate = 100
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	o := r.OpenLoop
	if o == nil || !r.Passed || r.ErrorCount != 0 {
		t.Fatalf("%v, %d errors, open loop %+v", r.Reason, r.ErrorCount, o)
	}
	// 59 are due on average. On a busy machine some start late, but none is skipped while
	// there are users.
	if o.Due < 20 || o.Started != o.Due || o.Waited+o.NeverStarted != 0 || o.IntendedRate != 100 || o.CreatedRate != 0 {
		t.Errorf("%+v", *o)
	}
	if created := o.Stages[1]; created.Open != o.Due || created.P50 != nil {
		t.Errorf("created %+v", created)
	}
	for _, e := range r.Endpoints {
		if e.Name == "GET /api/app/nearby-chairs" && e.Count < o.Started/2 {
			t.Errorf("%d rides have begun, but chairs were asked for %d times", o.Started, e.Count)
		}
	}
	chairs, users := world.Config{RideRate: 100}.Population()
	if r.World.Chairs != chairs || r.World.Users != users {
		t.Errorf("%d chairs, %d users", r.World.Chairs, r.World.Users)
	}
}

func TestConnectionsOfOpenLoop(t *testing.T) {
	closed, open := Config{Load: time.Minute}, Config{Load: time.Hour, RideRate: 10}
	if n := closed.connections(); n != 4000 {
		t.Errorf("%d connections of a minute's load", n)
	}
	if n := open.connections(); n != 2*(50+110) {
		t.Errorf("%d connections of 10 rides a second", n)
	}
}
