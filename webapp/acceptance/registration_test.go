package acceptance

import (
	"fmt"
	"maps"
	"testing"

	"isuride/webapp/servertest"
)

// TestRegistration is line 3 of appendix D (S4.2, S4.11, S4.14).
func TestRegistration(t *testing.T) {
	servertest.Rules(t, func(p *servertest.Process) {
		p.Rule("every field is mandatory", mandatoryFields)
		p.Rule("an invitation grants both sides a coupon", invitation)
		p.Rule("the fourth invitation is refused", fourthInvitation)
		p.Rule("an unknown invitation is refused", unknownInvitation)
		p.Rule("an empty invitation is none", func(p *servertest.Process) {
			p.User("rider", "")
		})
		p.Rule("three of eight parallel invitations succeed", parallelInvitations)
		p.Rule("one of eight parallel registrations of a name succeeds", parallelNames)
		p.Rule("a chair belongs to its owner at once", chairOfOwner)
		p.Rule("an unknown register token is unauthorized", func(p *servertest.Process) {
			p.Anonymous().Call("POST", "/api/chair/chairs", servertest.Object{"name": "c", "model": "m", "chair_register_token": "no such"}).
				Refused(p.T, 401, "chair_register_token")
		})
		p.Rule("a payment token can be sent again and replaced", replacedToken)
	})
}

// mandatoryFields: missing and empty are the same, a 400 that names the field, and
// nothing is left behind.
func mandatoryFields(p *servertest.Process) {
	_, register := p.Owner("owner")
	for path, body := range map[string]servertest.Object{
		"/api/app/users":    servertest.Person("rider"),
		"/api/owner/owners": {"name": "another"},
		"/api/chair/chairs": {"name": "chair", "model": "SitEase", "chair_register_token": register},
	} {
		for field := range body {
			lacking := maps.Clone(body)
			delete(lacking, field)
			p.Anonymous().Call("POST", path, lacking).Refused(p.T, 400, field)
			lacking[field] = ""
			p.Anonymous().Call("POST", path, lacking).Refused(p.T, 400, field)
			lacking[field] = nil
			p.Anonymous().Call("POST", path, lacking).Refused(p.T, 400, field)
		}
		p.Anonymous().Want(201, "POST", path, body)
	}
	user, _ := p.User("payer", "")
	user.Call("POST", "/api/app/payment-methods", servertest.Object{}).Refused(p.T, 400, "token")
	user.Call("POST", "/api/app/payment-methods", servertest.Object{"token": ""}).Refused(p.T, 400, "token")
}

// invitation: 1500 for the one invited, after the sign-up coupon, and 1000 for the
// inviter, usable as soon as the 201 is there.
func invitation(p *servertest.Process) {
	s := p.Scene()
	inviter, code := p.User("inviter", "")
	invited, own := p.User("invited", code)
	if own == code {
		p.T.Error("the one invited has the inviter's code")
	}
	for _, u := range []struct {
		*servertest.Client
		second int // discount of the second ride
	}{{inviter, 1000}, {invited, 1500}} {
		s.User = u.Client
		wantDiscount(u.Client, 3000)
		longRide(s)
		wantDiscount(u.Client, u.second)
		longRide(s)
		wantDiscount(u.Client, 0)
	}
}

// far is 40 from the origin, more than any coupon is worth.
var far = servertest.At(20, 20)

// wantDiscount checks the estimate of a ride whose metered fare is 4000.
func wantDiscount(c *servertest.Client, want int) {
	c.T.Helper()
	estimate := c.Want(200, "POST", "/api/app/rides/estimated-fare", servertest.Trip(servertest.At(0, 0), far))
	fare, discount := servertest.Integer(c.T, estimate["fare"]), servertest.Integer(c.T, estimate["discount"])
	if discount != int64(want) || fare != int64(4500-want) {
		c.T.Fatalf("the estimate is %d with a discount of %d, want %d and %d", fare, discount, 4500-want, want)
	}
}

// longRide is a whole ride whose metered fare is 4000.
func longRide(s *servertest.Scene) string {
	s.Process.T.Helper()
	ride := s.User.Request(servertest.At(0, 0), far)
	s.Chair.Accept(ride)
	s.Chair.Report(servertest.At(0, 0))
	s.Chair.Advance(ride, "CARRYING")
	s.Chair.Report(far)
	s.User.Rate(ride, 5)
	return ride
}

// invite registers a user with a code.
func invite(p *servertest.Process, name, code string) (servertest.Reply, error) {
	body := servertest.Person(name)
	body["invitation_code"] = code
	return p.Anonymous().Try("POST", "/api/app/users", body)
}

// fourthInvitation: the refused user does not exist, and the inviter got no fourth
// reward.
func fourthInvitation(p *servertest.Process) {
	s := p.Scene()
	inviter, code := p.User("inviter", "")
	for i := range 3 {
		p.User(fmt.Sprint("friend ", i), code)
	}
	for range 2 {
		r, err := invite(p, "late", code)
		if err != nil {
			p.T.Fatal(err)
		}
		r.Refused(p.T, 400, "invitation_code")
		if r.CookieOf() != "" {
			p.T.Error("a refusal sets a session")
		}
	}
	p.User("late", "") // the name is still free
	s.User = inviter
	for _, discount := range []int{3000, 1000, 1000, 1000} {
		wantDiscount(inviter, discount)
		longRide(s)
	}
	wantDiscount(inviter, 0)
}

func unknownInvitation(p *servertest.Process) {
	_, code := p.User("inviter", "")
	for _, unknown := range []string{"no such", code[:15], code + "0", " " + code} {
		r, err := invite(p, "rider", unknown)
		if err != nil {
			p.T.Fatal(err)
		}
		r.Refused(p.T, 400, "invitation_code")
	}
	p.User("rider", "") // the name is still free
}

func parallelInvitations(p *servertest.Process) {
	s := p.Scene()
	inviter, code := p.User("inviter", "")
	statuses := each(p, 8, func(i int) (servertest.Reply, error) { return invite(p, fmt.Sprint("friend ", i), code) })
	if statuses[201] != 3 || statuses[400] != 5 {
		p.T.Fatalf("eight invitations at once are answered %v, want three 201 and five 400", statuses)
	}
	// Those who were refused can register without the code; the others' names are taken.
	statuses = each(p, 8, func(i int) (servertest.Reply, error) { return invite(p, fmt.Sprint("friend ", i), "") })
	if statuses[201] != 5 || statuses[409] != 3 {
		p.T.Fatalf("the second attempts are answered %v, want five 201 and three 409", statuses)
	}
	s.User = inviter
	for _, discount := range []int{3000, 1000, 1000, 1000} { // rewards of one millisecond do not collide
		wantDiscount(inviter, discount)
		longRide(s)
	}
	wantDiscount(inviter, 0)
}

func parallelNames(p *servertest.Process) {
	for path, body := range map[string]servertest.Object{"/api/app/users": servertest.Person("rider"), "/api/owner/owners": {"name": "owner"}} {
		statuses := each(p, 8, func(int) (servertest.Reply, error) { return p.Anonymous().Try("POST", path, body) })
		if statuses[201] != 1 || statuses[409] != 7 {
			p.T.Errorf("%s: eight equal registrations at once are answered %v, want one 201 and seven 409", path, statuses)
		}
	}
}

// chairOfOwner: the chair is in the owner's lists as soon as the 201 is there, inactive
// and without a position (S4.14).
func chairOfOwner(p *servertest.Process) {
	owner, register := p.Owner("owner")
	for n := 1; n <= 3; n++ {
		name := fmt.Sprint("chair ", n)
		r := p.Anonymous().Want(201, "POST", "/api/chair/chairs", servertest.Object{"name": name, "model": "LiteLine", "chair_register_token": register})
		if r["owner_id"] != owner.ID {
			p.T.Errorf("owner_id is %v, want %v", r["owner_id"], owner.ID)
		}
		chairs := owner.Want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any)
		sales := owner.Want(200, "GET", "/api/owner/sales", nil)["chairs"].([]any)
		if len(chairs) != n || len(sales) != n {
			p.T.Fatalf("with %d chairs the owner's lists have %d and %d", n, len(chairs), len(sales))
		}
		last := chairs[n-1].(servertest.Object)
		if last["id"] != r["id"] || last["name"] != name || last["model"] != "LiteLine" || last["active"] != false {
			p.T.Errorf("the new chair is listed as %v", last)
		}
	}
}

// replacedToken: a repetition is no error (S4.3); the newest token is charged.
func replacedToken(p *servertest.Process) {
	s := p.Scene()
	for _, token := range []string{"first", "first", "second"} {
		s.User.Want(204, "POST", "/api/app/payment-methods", servertest.Object{"token": token})
	}
	ride := s.Ride()
	if paid := p.Gateway.ByKey(ride); len(paid) != 1 || paid[0].Token != "second" {
		p.T.Errorf("the charges are %+v, want one by the second token", paid)
	}
}
