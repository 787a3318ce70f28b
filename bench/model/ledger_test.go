package model_test

import (
	"reflect"
	"testing"

	"isuride/bench/model"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// TestLedger compares the whole ledger of a run with its figures.
func TestLedger(t *testing.T) {
	const seed = 1
	server := model.New(model.Config{Seed: seed, Matcher: model.Nearest{}, Interval: 100 * world.Millisecond})
	r, err := virtual.Run(virtual.Config{World: world.Config{Seed: seed}, Load: 15 * world.Second}, server)
	if err != nil {
		t.Fatal(err)
	}
	p, l := r.World.Progress(), r.World.Ledger(1000)
	rides, open, paid, chairs := 0, 0, 0, 0
	for _, u := range l.Users {
		rides += len(u.Rides)
		if u.Open != nil {
			open++
		}
		if u.Open != nil && u.Open.Paid {
			paid++
		}
	}
	if len(l.Users) != p.Users || rides != p.RidesEvaluated || rides+open != p.RidesCreated || paid > 0 || rides == 0 || open == 0 {
		t.Errorf("%d users, %d rides and %d open, %d of them paid, in a city with %+v", len(l.Users), rides, open, paid, p)
	}
	for i, o := range l.Owners {
		chairs += len(o.Chairs)
		if o.Sales.Low != p.Owners[i].Sales || o.Sales.High != o.Sales.Low {
			t.Errorf("%s has sales of %+v instead of %d", o.Name, o.Sales, p.Owners[i].Sales)
		}
		for _, c := range o.Chairs {
			if !c.Active || c.RecordedAt == 0 || c.Distance.Low == 0 && c.Sales.Low > 0 || c.Distance.Low > c.Distance.High {
				t.Errorf("%s has %+v", o.Name, c)
			}
		}
	}
	if chairs != p.Chairs {
		t.Errorf("%d of %d chairs", chairs, p.Chairs)
	}
	some := r.World.Ledger(3)
	if len(some.Users) != 6 || len(some.Owners) != 5 || !reflect.DeepEqual(some, r.World.Ledger(3)) {
		t.Errorf("a sample of %d users and %d owners", len(some.Users), len(some.Owners))
	}
}
