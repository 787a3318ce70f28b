package state

import (
	"fmt"
	"testing"

	"isuride/tools/dev/allocs"
	"isuride/webapp/isuride"
	"isuride/webapp/ledger"
)

// checks are what the audit does before and after an event of each kind, on a town at rest. A
// ride makes one of each, and four of RideAdvanced; all other events, reports of positions without
// an arrival above all, are not checked.
func (w *town) checks() map[string]func() *Violation {
	request := &isuride.Event{Kind: isuride.RideRequested,
		Ride:    &isuride.Ride{ID: "a ride", UserID: w.rider.ID, Pickup: townAt[0], Destination: townAt[1]},
		Status:  &isuride.RideStatus{RideID: "a ride", Status: isuride.Matching},
		Coupons: []isuride.Coupon{{UserID: w.rider.ID, Code: "extra", Discount: 1000, UsedBy: "a ride"}}}
	w.rider.coupons = append(w.rider.coupons, isuride.Coupon{UserID: w.rider.ID, Code: "extra", Discount: 1000})
	w.rider.issued += 1000
	w.rider.unfinished = 0
	waiting, err := w.RequestRide(w.user(""), townAt[0], townAt[1])
	w.must(err)
	assigned := waiting.rowLocked()
	assigned.ChairID = w.chair.ID
	carrying := isuride.RideStatus{RideID: w.second.ID, Status: isuride.Carrying, CreatedAt: w.second.statusAt + 1}
	charge := &isuride.Charge{RideID: w.ride.ID, Evaluation: 3}
	row := w.ride.rowLocked()
	row.Evaluation = 3
	completed := isuride.RideStatus{RideID: w.ride.ID, Status: isuride.Completed, CreatedAt: w.ride.statusAt + 1}
	return map[string]func() *Violation{
		"RideRequested": func() *Violation {
			p, v := checkRequestLocked(w.rider, request)
			w.post(w.rider.ID, 1, &p)
			return v
		},
		"RideAssigned":  func() *Violation { return checkAssignmentLocked(waiting, w.chair, &assigned) },
		"RideAdvanced":  func() *Violation { return checkAdvanceLocked(w.second, &carrying, nil) },
		"ChargeStarted": func() *Violation { return checkChargeLocked(w.ride, charge) },
		"RideCompleted": func() *Violation {
			w.rider.unfinished = 1
			p, v := checkCompletionLocked(w.ride, &row, &completed)
			w.post(w.rider.ID, 1, &p)
			w.sold(w.ride, 1)
			w.rider.unfinished = 0
			return v
		},
	}
}

// BenchmarkAudit is the cost of the audit for an event of each kind.
func BenchmarkAudit(b *testing.B) {
	for name, check := range newTown(b).checks() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v := check(); v != nil {
					b.Fatal(v)
				}
			}
		})
	}
}

// BenchmarkAuditOfRide is the cost of the audit for an event of a whole ride, by its mean: of the sixty or so events most
// are reports of positions (BenchmarkHash), and like deliveries they are not checked.
func BenchmarkAuditOfRide(b *testing.B) {
	const events = 60
	checks := newTown(b).checks()
	var ride []func() *Violation
	// Of an advance there are four: ENROUTE, PICKUP, CARRYING and ARRIVED.
	for _, kind := range []string{"RideRequested", "RideAssigned", "RideAdvanced", "RideAdvanced", "RideAdvanced", "RideAdvanced", "ChargeStarted", "RideCompleted"} {
		if checks[kind] == nil {
			b.Fatal(kind, "has no check")
		}
		ride = append(ride, checks[kind])
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, check := range ride {
			if v := check(); v != nil {
				b.Fatal(v)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/event")
}

func TestAuditDoesNotAllocate(t *testing.T) {
	for name, check := range newTown(t).checks() {
		var found *Violation
		if n := allocs.PerRun(100, func() { found = check() }); n != 0 || found != nil {
			t.Errorf("%s: %v allocations, %v", name, n, found)
		}
	}
}

// BenchmarkPost posts from all cores at once.
func BenchmarkPost(b *testing.B) {
	s := newFixture(b)
	var p ledger.Posting
	if !p.Request(1000, 800) || !p.Use(200) {
		b.Fatal("no posting")
	}
	b.RunParallel(func(pb *testing.PB) {
		id := unique("user")
		for pb.Next() {
			s.post(id, 1, &p)
		}
	})
}

// history is a store with completed rides, ten a user.
func history(b *testing.B, rides int) *Store {
	b.Helper()
	w := newFixture(b)
	t := &w.base
	t.Owners = []isuride.Owner{{ID: "owner"}}
	for i := range 1000 {
		t.Chairs = append(t.Chairs, isuride.Chair{ID: fmt.Sprintf("chair%d", i), AccessToken: fmt.Sprintf("chair%d", i), OwnerID: "owner"})
	}
	for i := range rides {
		user := fmt.Sprintf("user%d", i/10)
		if i%10 == 0 {
			t.Users = append(t.Users, isuride.User{ID: user, Username: user, AccessToken: user, InvitationCode: user})
		}
		at := testStart + isuride.Time(i)
		id := fmt.Sprintf("ride%d", i)
		used := ""
		if i%10 == 3 {
			used = id
		}
		t.Coupons = append(t.Coupons, isuride.Coupon{UserID: user, Code: fmt.Sprintf("c%d", i%10), Discount: 500, UsedBy: used})
		t.Rides = append(t.Rides, isuride.Ride{ID: id, UserID: user, ChairID: t.Chairs[i%1000].ID, Pickup: townAt[0], Destination: townAt[1], Evaluation: 3, CreatedAt: at, UpdatedAt: at})
		t.RideStatuses = append(t.RideStatuses, isuride.RideStatus{ID: id, RideID: id, Status: isuride.Completed, CreatedAt: at})
	}
	return New(w.options(), t, nil)
}

// BenchmarkRecount is one whole recount, a ride each: a million rides take a million times as
// long.
func BenchmarkRecount(b *testing.B) {
	s := history(b, 200_000)
	b.ReportAllocs()
	for b.Loop() {
		r := recountOf(b, s)
		if len(r.Differences) > 0 || r.Completed != 200_000 {
			b.Fatal(r.Completed, r.Differences)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200_000, "ns/ride")
}
