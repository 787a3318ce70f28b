package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"isuride/tools/dev/paymentmock/gateway"
	"isuride/webapp/isuride"
	"isuride/webapp/payment"
	"isuride/webapp/state"
)

// TestReconcile: a gateway that lists its payments is compared with the books; one that has lost a
// charge, or has one too many, is found with the ride and the yen, and the books stay open.
func TestReconcile(t *testing.T) {
	c := newCity(t)
	c.start()
	defer c.halt()
	mock := gateway.New(gateway.Options{})
	server := httptest.NewServer(mock)
	defer server.Close()
	g := c.Current()
	g.gateway.Close()
	g.gateway = payment.New(server.URL, payment.Options{})
	r := g.reconciler
	rider := c.rider("token-a")
	chair := c.driver()

	if d, err := r.ask(t.Context(), rider); d != nil || !errors.Is(err, errSilent) {
		t.Errorf("a gateway that has listed nothing yet: %v, %v", d, err)
	}

	for range 3 {
		c.rideOf(rider, chair, true)
	}
	if err := r.check(t.Context(), rider); err != nil || r.stats() != (GatewayStats{Agreed: 1}) {
		t.Fatalf("a gateway that agrees: %v, %+v", err, r.stats())
	}
	lost := c.rideOf(rider, chair, false) // completed without the gateway
	d, err := r.ask(t.Context(), rider)
	if err != nil || d == nil || d.Ride != lost.ID || d.Yen != int64(lost.Fare) {
		t.Errorf("a lost charge: %v, %v", d, err)
	}
	c.must(g.gateway.Charge(t.Context(), "token-a", lost.Fare, lost.ID))
	if d, err := r.ask(t.Context(), rider); err != nil || d != nil {
		t.Errorf("after it was found: %v, %v", d, err)
	}
	c.must(g.gateway.Charge(t.Context(), "token-a", 4321, "another key"))
	if d, err := r.ask(t.Context(), rider); err != nil || d == nil || d.Yen != -4321 {
		t.Errorf("a payment too many: %v, %v", d, err)
	}
	c.rider("token-a") // whose payments cannot be told from the other's
	if d, err := r.ask(t.Context(), rider); !errors.Is(err, errSilent) {
		t.Errorf("two users with one token: %v, %v", d, err)
	}
	if len(r.sample()) != 2 {
		t.Errorf("the sample is %v", r.sample())
	}
	if g.Store.Closed() != nil {
		t.Error("the books are closed:", g.Store.Closed())
	}
}

// TestReconcileWithoutLists: a gateway that does not know GET is not asked again.
func TestReconcileWithoutLists(t *testing.T) {
	c := newCity(t)
	c.start()
	defer c.halt()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	g := c.Current()
	g.gateway.Close()
	g.gateway = payment.New(server.URL, payment.Options{})
	g.reconciler.doubt(c.rider("token"), fmt.Errorf("the payment: %w", &payment.UnavailableError{}))
	g.reconciler.doubt(c.rider("other"), fmt.Errorf("the payment: %w", &payment.RefusedError{}))
	if len(g.reconciler.doubts) != 1 {
		t.Errorf("%d doubts", len(g.reconciler.doubts))
	}
	c.must(g.reconciler.run(t.Context())) // ends by itself
	if s := g.reconciler.stats(); s.Silent != 1 || s.Differed != 0 {
		t.Errorf("%+v", s)
	}
}

func (c *city) rider(token string) *state.User {
	c.t.Helper()
	u, err := c.Current().Store.RegisterUser(state.NewUser{Username: fmt.Sprint("rider", c.rng.Uint64()), Firstname: "a", Lastname: "b", DateOfBirth: "c"})
	c.must(err)
	c.must(c.Current().Store.SetPaymentToken(u, token))
	return u
}

func (c *city) driver() *state.Chair {
	c.t.Helper()
	s := c.Current().Store
	o, err := s.RegisterOwner(fmt.Sprint("owner", c.rng.Uint64()))
	c.must(err)
	chair, err := s.RegisterChair(o.ChairRegisterToken, "AB", "SitEase")
	c.must(err)
	c.must(s.SetActivity(chair, true))
	_, err = s.Report(chair, isuride.Coordinate{})
	c.must(err)
	return chair
}

// rideOf drives one ride, and pays for it or not.
func (c *city) rideOf(u *state.User, chair *state.Chair, pay bool) *state.Ride {
	c.t.Helper()
	s, g := c.Current().Store, c.Current()
	to := isuride.Coordinate{Latitude: int32(40 + c.rng.IntN(9))}
	r, err := s.RequestRide(u, isuride.Coordinate{}, to)
	c.must(err)
	if ok, err := s.Assign(r, chair, nil); !ok || err != nil {
		c.t.Fatal(ok, err)
	}
	c.must(s.Advance(chair, r.ID, isuride.Enroute))
	_, err = s.Report(chair, isuride.Coordinate{})
	c.must(err)
	c.must(s.Advance(chair, r.ID, isuride.Carrying))
	_, err = s.Report(chair, to)
	c.must(err)
	if pay {
		_, release, err := g.Rate(u, r.ID, 5)
		c.must(err)
		release()
	} else {
		ch, _, err := s.BeginCharge(u, r.ID, 5)
		c.must(err)
		_, err = s.Complete(ch)
		c.must(err)
		s.Release(r)
	}
	return r
}

// TestViolationReachesTheOperator: a violation is counted and reported with the folder of the
// journal, the health says why, and a rating is refused with the ride as it was.
func TestViolationReachesTheOperator(t *testing.T) {
	c := newCity(t)
	c.start()
	defer c.halt()
	told := make(chan string, 1)
	c.cfg.Violated = func(v *state.Violation, journal string) { told <- v.Message + " " + journal }
	rider, chair := c.rider("token"), c.driver()
	r := c.rideOf(rider, chair, false)
	r2, err := c.Current().Store.RequestRide(rider, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
	c.must(err)
	r2.Fare++     // a flip
	for range 3 { // as rounds of matching do
		if ok, err := c.Current().Store.Assign(r2, chair, nil); ok || err != nil {
			t.Errorf("a ride with a wrong fare: assigned %v, %v", ok, err)
		}
	}
	if text := <-told; !strings.Contains(text, r2.ID) || !strings.Contains(text, c.journals()) {
		t.Errorf("told: %s", text)
	}
	if err := errors.Join(c.Health()...); err == nil || !strings.Contains(err.Error(), r2.ID) {
		t.Errorf("health: %v", err)
	}
	_, _, err = c.Current().Rate(rider, r.ID, 5)
	var domain *isuride.Error
	if !errors.As(err, &domain) {
		t.Errorf("a rating: %v", err)
	}
	if s := c.Stats().Audit; s.Violations != 1 || s.Closed == nil {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(c.log.String(), "the books are closed") {
		t.Error("the log does not say so:", c.log)
	}
}

// TestDoubtIsAskedAgain: a charge without an outcome is asked for until the gateway answers.
func TestDoubtIsAskedAgain(t *testing.T) {
	c := newCity(t)
	c.start()
	rider := c.rider("token")
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		r := newReconciler(&Generation{Store: c.Current().Store, cfg: c.Current().cfg})
		r.list = func(context.Context, string) ([]int, error) { asked++; return nil, errors.New("it is down") }
		r.doubt(rider, &payment.UnavailableError{})
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		// At once, and then each minute: as a doubt, and as the only user of the sample.
		if err := r.run(ctx); err != nil || asked != 5 {
			t.Errorf("the gateway was asked %d times in 150 s, %v", asked, err)
		}
	})
	c.halt()
}
