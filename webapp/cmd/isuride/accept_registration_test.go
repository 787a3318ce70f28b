package main

import (
	"fmt"
	"maps"
	"testing"
)

// TestRegistration is line 3 of appendix D (S4.2, S4.11, S4.14).
func TestRegistration(t *testing.T) {
	rules(t, func(p *process) {
		p.rule("every field is mandatory", mandatoryFields)
		p.rule("an invitation grants both sides a coupon", invitation)
		p.rule("the fourth invitation is refused", fourthInvitation)
		p.rule("an unknown invitation is refused", unknownInvitation)
		p.rule("an empty invitation is none", func(p *process) {
			p.user("rider", "")
		})
		p.rule("three of eight parallel invitations succeed", parallelInvitations)
		p.rule("one of eight parallel registrations of a name succeeds", parallelNames)
		p.rule("a chair belongs to its owner at once", chairOfOwner)
		p.rule("an unknown register token is unauthorized", func(p *process) {
			p.anonymous().call("POST", "/api/chair/chairs", object{"name": "c", "model": "m", "chair_register_token": "no such"}).
				refused(p.t, 401, "chair_register_token")
		})
		p.rule("a payment token can be sent again and replaced", replacedToken)
	})
}

// mandatoryFields: missing and empty are the same, a 400 that names the field, and
// nothing is left behind.
func mandatoryFields(p *process) {
	_, register := p.owner("owner")
	for path, body := range map[string]object{
		"/api/app/users":    person("rider"),
		"/api/owner/owners": {"name": "another"},
		"/api/chair/chairs": {"name": "chair", "model": "SitEase", "chair_register_token": register},
	} {
		for field := range body {
			lacking := maps.Clone(body)
			delete(lacking, field)
			p.anonymous().call("POST", path, lacking).refused(p.t, 400, field)
			lacking[field] = ""
			p.anonymous().call("POST", path, lacking).refused(p.t, 400, field)
			lacking[field] = nil
			p.anonymous().call("POST", path, lacking).refused(p.t, 400, field)
		}
		p.anonymous().want(201, "POST", path, body)
	}
	user, _ := p.user("payer", "")
	user.call("POST", "/api/app/payment-methods", object{}).refused(p.t, 400, "token")
	user.call("POST", "/api/app/payment-methods", object{"token": ""}).refused(p.t, 400, "token")
}

// invitation: 1500 for the one invited, behind the sign-up coupon, and 1000 for the
// inviter, usable as soon as the 201 is there.
func invitation(p *process) {
	s := p.scene()
	inviter, code := p.user("inviter", "")
	invited, own := p.user("invited", code)
	if own == code {
		p.t.Error("the one invited has the inviter's code")
	}
	for _, u := range []struct {
		*client
		second int // discount of the second ride
	}{{inviter, 1000}, {invited, 1500}} {
		s.user = u.client
		u.wantDiscount(3000)
		s.longRide()
		u.wantDiscount(u.second)
		s.longRide()
		u.wantDiscount(0)
	}
}

// far is 40 from the origin, more than any coupon is worth.
var far = at(20, 20)

// wantDiscount checks the estimate of a ride whose metered fare is 4000.
func (c *client) wantDiscount(want int) {
	c.t.Helper()
	estimate := c.want(200, "POST", "/api/app/rides/estimated-fare", trip(at(0, 0), far))
	fare, discount := integer(c.t, estimate["fare"]), integer(c.t, estimate["discount"])
	if discount != int64(want) || fare != int64(4500-want) {
		c.t.Fatalf("the estimate is %d with a discount of %d, want %d and %d", fare, discount, 4500-want, want)
	}
}

// longRide is a whole ride whose metered fare is 4000.
func (s *scene) longRide() string {
	s.p.t.Helper()
	ride := s.user.request(at(0, 0), far)
	s.chair.accept(ride)
	s.chair.report(at(0, 0))
	s.chair.advance(ride, "CARRYING")
	s.chair.report(far)
	s.user.rate(ride, 5)
	return ride
}

// invite registers a user with a code.
func (p *process) invite(name, code string) (reply, error) {
	body := person(name)
	body["invitation_code"] = code
	return p.anonymous().try("POST", "/api/app/users", body)
}

// fourthInvitation: the refused user does not exist, and the inviter got no fourth
// reward.
func fourthInvitation(p *process) {
	s := p.scene()
	inviter, code := p.user("inviter", "")
	for i := range 3 {
		p.user(fmt.Sprint("friend ", i), code)
	}
	for range 2 {
		r, err := p.invite("late", code)
		if err != nil {
			p.t.Fatal(err)
		}
		r.refused(p.t, 400, "invitation_code")
		if r.cookieOf() != "" {
			p.t.Error("a refusal sets a session")
		}
	}
	p.user("late", "") // the name is still free
	s.user = inviter
	for _, discount := range []int{3000, 1000, 1000, 1000} {
		inviter.wantDiscount(discount)
		s.longRide()
	}
	inviter.wantDiscount(0)
}

func unknownInvitation(p *process) {
	_, code := p.user("inviter", "")
	for _, unknown := range []string{"no such", code[:15], code + "0", " " + code} {
		r, err := p.invite("rider", unknown)
		if err != nil {
			p.t.Fatal(err)
		}
		r.refused(p.t, 400, "invitation_code")
	}
	p.user("rider", "") // the name is still free
}

func parallelInvitations(p *process) {
	s := p.scene()
	inviter, code := p.user("inviter", "")
	statuses := p.each(8, func(i int) (reply, error) { return p.invite(fmt.Sprint("friend ", i), code) })
	if statuses[201] != 3 || statuses[400] != 5 {
		p.t.Fatalf("eight invitations at once are answered %v, want three 201 and five 400", statuses)
	}
	// Who was refused can register without the code, who was not is taken.
	statuses = p.each(8, func(i int) (reply, error) { return p.invite(fmt.Sprint("friend ", i), "") })
	if statuses[201] != 5 || statuses[409] != 3 {
		p.t.Fatalf("the second attempts are answered %v, want five 201 and three 409", statuses)
	}
	s.user = inviter
	for _, discount := range []int{3000, 1000, 1000, 1000} { // rewards of one millisecond do not collide
		inviter.wantDiscount(discount)
		s.longRide()
	}
	inviter.wantDiscount(0)
}

func parallelNames(p *process) {
	for path, body := range map[string]object{"/api/app/users": person("rider"), "/api/owner/owners": {"name": "owner"}} {
		statuses := p.each(8, func(int) (reply, error) { return p.anonymous().try("POST", path, body) })
		if statuses[201] != 1 || statuses[409] != 7 {
			p.t.Errorf("%s: eight equal registrations at once are answered %v, want one 201 and seven 409", path, statuses)
		}
	}
}

// chairOfOwner: the chair is in the owner's lists as soon as the 201 is there, inactive
// and without a position (S4.14).
func chairOfOwner(p *process) {
	owner, register := p.owner("owner")
	for n := 1; n <= 3; n++ {
		name := fmt.Sprint("chair ", n)
		r := p.anonymous().want(201, "POST", "/api/chair/chairs", object{"name": name, "model": "LiteLine", "chair_register_token": register})
		if r["owner_id"] != owner.id {
			p.t.Errorf("owner_id is %v, want %v", r["owner_id"], owner.id)
		}
		chairs := owner.want(200, "GET", "/api/owner/chairs", nil)["chairs"].([]any)
		sales := owner.want(200, "GET", "/api/owner/sales", nil)["chairs"].([]any)
		if len(chairs) != n || len(sales) != n {
			p.t.Fatalf("with %d chairs the owner's lists have %d and %d", n, len(chairs), len(sales))
		}
		last := chairs[n-1].(object)
		if last["id"] != r["id"] || last["name"] != name || last["model"] != "LiteLine" || last["active"] != false {
			p.t.Errorf("the new chair is listed as %v", last)
		}
	}
}

// replacedToken: a repetition is no error (S4.3); the newest token is charged.
func replacedToken(p *process) {
	s := p.scene()
	for _, token := range []string{"first", "first", "second"} {
		s.user.want(204, "POST", "/api/app/payment-methods", object{"token": token})
	}
	ride := s.ride()
	if paid := p.gateway.ByKey(ride); len(paid) != 1 || paid[0].Token != "second" {
		p.t.Errorf("the charges are %+v, want one by the second token", paid)
	}
}
