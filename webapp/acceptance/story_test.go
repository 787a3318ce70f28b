package acceptance

import (
	"testing"

	"isuride/webapp/servertest"
)

// TestOneRide is the thin line through everything: a request, its state, event,
// journal record, row and notification, and the same after a kill.
func TestOneRide(t *testing.T) {
	servertest.Dialects(t, func(t *testing.T, p *servertest.Process) {
		p.Bare()
		p.Start()
		p.Initialize()
		owner, register := p.Owner("owner")
		chair := p.Chair(register, "AB-1-1", "SitEase", servertest.At(1, 1))
		user, _ := p.User("rider", "")
		toChair := chair.Listen()
		if first := toChair.Next(); first != nil {
			t.Fatalf("a chair without a ride gets %v", first)
		}
		ride := user.Request(servertest.At(2, 2), servertest.At(5, 5))
		toUser := user.Listen()
		toUser.Expect(ride, "MATCHING")
		toChair.Expect(ride, "MATCHING")
		chair.Advance(ride, "ENROUTE")
		p.Kill()
		p.Start()

		toUser, toChair = user.Listen(), chair.Listen()
		// The last status that was delivered may be repeated once.
		if m := toUser.Next(); m["status"] == "MATCHING" {
			toUser.Expect(ride, "ENROUTE")
		}
		if m := toChair.Next(); m["status"] == "MATCHING" {
			toChair.Expect(ride, "ENROUTE")
		}
		chair.Report(servertest.At(2, 2))
		toUser.Expect(ride, "PICKUP")
		chair.Advance(ride, "CARRYING")
		chair.Report(servertest.At(5, 5))
		toUser.Expect(ride, "CARRYING", "ARRIVED")
		completedAt := user.Rate(ride, 4)
		toUser.Expect(ride, "COMPLETED")
		toChair.Expect(ride, "PICKUP", "CARRYING", "ARRIVED", "COMPLETED")
		p.Stop()
		p.Start()

		rides := user.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any)
		if len(rides) != 1 || servertest.Integer(t, rides[0].(servertest.Object)["completed_at"]) != completedAt {
			t.Fatalf("the history is %v, want one ride completed at %d", rides, completedAt)
		}
		if sales := servertest.Integer(t, owner.Want(200, "GET", "/api/owner/sales", nil)["total_sales"]); sales != 1100 {
			t.Fatalf("sales are %d, want 1100", sales)
		}
		if paid := p.Gateway.Charges(); len(paid) != 1 || paid[0].Amount != 500 {
			t.Fatalf("charges are %+v, want one of 500", paid)
		}
	})
}
