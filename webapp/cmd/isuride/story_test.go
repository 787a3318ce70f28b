package main

import "testing"

// TestOneRide is the thin line through everything: a request, its state, event,
// journal record, row and notification, and the same after a kill.
func TestOneRide(t *testing.T) {
	dialects(t, func(t *testing.T, p *process) {
		p.start()
		p.initialize()
		owner, register := p.owner("owner")
		chair := p.chair(register, "AB-1-1", "SitEase", at(1, 1))
		user, _ := p.user("rider", "")
		toChair := chair.listen()
		if first := toChair.next(); first != nil {
			t.Fatalf("a chair without a ride is told %v", first)
		}
		ride := user.request(at(2, 2), at(5, 5))
		toUser := user.listen()
		toUser.expect(ride, "MATCHING")
		toChair.expect(ride, "MATCHING")
		chair.advance(ride, "ENROUTE")
		p.kill()
		p.start()

		toUser, toChair = user.listen(), chair.listen()
		// The last status that was delivered may be repeated once.
		if m := toUser.next(); m["status"] == "MATCHING" {
			toUser.expect(ride, "ENROUTE")
		}
		if m := toChair.next(); m["status"] == "MATCHING" {
			toChair.expect(ride, "ENROUTE")
		}
		chair.report(at(2, 2))
		toUser.expect(ride, "PICKUP")
		chair.advance(ride, "CARRYING")
		chair.report(at(5, 5))
		toUser.expect(ride, "CARRYING", "ARRIVED")
		completedAt := user.rate(ride, 4)
		toUser.expect(ride, "COMPLETED")
		toChair.expect(ride, "PICKUP", "CARRYING", "ARRIVED", "COMPLETED")
		p.stop()
		p.start()

		rides := user.want(200, "GET", "/api/app/rides", nil)["rides"].([]any)
		if len(rides) != 1 || integer(t, rides[0].(object)["completed_at"]) != completedAt {
			t.Fatalf("the history is %v, want one ride completed at %d", rides, completedAt)
		}
		if sales := integer(t, owner.want(200, "GET", "/api/owner/sales", nil)["total_sales"]); sales != 1100 {
			t.Fatalf("sales are %d, want 1100", sales)
		}
		if paid := p.gateway.Charges(); len(paid) != 1 || paid[0].Amount != 500 {
			t.Fatalf("charges are %+v, want one of 500", paid)
		}
	})
}
