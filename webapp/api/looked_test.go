package api

import (
	"fmt"
	"testing"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// TestNearbyCountsLooks: a look as far as riders look counts, by whether it found something.
func TestNearbyCountsLooks(t *testing.T) {
	a, s := newTestAPI(t)
	user := mustBe[*state.User](t)(s.RegisterUser(state.NewUser{Username: "looker", Firstname: "A", Lastname: "B", DateOfBirth: "x"}))
	look := func(distance string) {
		exchange(t, a, fmt.Sprintf("GET /api/app/nearby-chairs?latitude=5&longitude=5%s HTTP/1.1\r\nHost: localhost\r\nCookie: app_session=%s\r\n\r\n",
			distance, user.AccessToken), 1)
	}
	look("")
	look("&distance=50")
	look("&distance=3")
	if d := s.Region(0).Demand(); d != (state.Demand{Futile: 2}) {
		t.Errorf("without chairs: %+v", d)
	}
	owner := mustBe[*state.Owner](t)(s.RegisterOwner("owner"))
	c := mustBe[*state.Chair](t)(s.RegisterChair(owner.ChairRegisterToken, "chair", "model"))
	if err := s.SetActivity(c, true); err != nil {
		t.Fatal(err)
	}
	mustBe[isuride.Time](t)(s.Report(c, isuride.Coordinate{}))
	look("")
	if d := s.Region(0).Demand(); d != (state.Demand{Futile: 2, Found: 1}) {
		t.Errorf("with a chair: %+v", d)
	}
}
