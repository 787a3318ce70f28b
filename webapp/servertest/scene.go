package servertest

import (
	"fmt"

	"isuride/tools/dev/paymentmock/gateway"
)

// Scene is a rider and the one active chair of the server.
type Scene struct {
	Process            *Process
	Owner, Chair, User *Client
	Register           string // the owner's token for chairs
}

// Where the rides of a scene go, by default; the chair starts at the origin.
var (
	Pickup      = At(2, 3)
	Destination = At(7, 10)
)

// Scene registers an owner, a chair and a rider.
func (p *Process) Scene() *Scene {
	p.T.Helper()
	s := &Scene{Process: p}
	s.Owner, s.Register = p.Owner("owner")
	s.Chair = p.Chair(s.Register, "chair", "SitEase", At(0, 0))
	s.User, _ = p.User("rider", "")
	return s
}

// Statuses in the order of S5.1.
var Statuses = []string{"MATCHING", "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED"}

// Step makes a ride over the default way enter a status.
func (s *Scene) Step(ride, status string) {
	s.Process.T.Helper()
	switch status {
	case "ENROUTE":
		s.Chair.Accept(ride)
	case "PICKUP":
		s.Chair.Report(Pickup)
	case "CARRYING":
		s.Chair.Advance(ride, status)
	case "ARRIVED":
		s.Chair.Report(Destination)
	case "COMPLETED":
		s.User.Rate(ride, 5)
	}
}

// Drive makes a ride enter the statuses after one, up to and including another.
func (s *Scene) Drive(ride, after, to string) {
	s.Process.T.Helper()
	for _, status := range Between(after, to) {
		s.Step(ride, status)
	}
}

// Between lists the statuses after one, up to and including another.
func Between(after, to string) (list []string) {
	in := after == ""
	for _, status := range Statuses {
		if in {
			list = append(list, status)
		}
		in = (in || status == after) && status != to
	}
	return list
}

// Accept accepts a ride as soon as the chair has been given it.
func (c *Client) Accept(ride string) {
	c.T.Helper()
	Eventually(c.T, func() error {
		r := c.Call("POST", "/api/chair/rides/"+ride+"/status", Object{"status": "ENROUTE"})
		if r.Status == 204 {
			return nil
		}
		return fmt.Errorf("the chair cannot accept the ride: %d %s", r.Status, r.Body)
	})
}

// Arrived makes a ride and drives it to where it can be rated.
func (s *Scene) Arrived() (ride string) {
	s.Process.T.Helper()
	ride = s.User.Request(Pickup, Destination)
	s.Drive(ride, "MATCHING", "ARRIVED")
	return ride
}

// Ride makes a whole ride and returns its id.
func (s *Scene) Ride() string {
	s.Process.T.Helper()
	ride := s.User.Request(Pickup, Destination)
	s.Drive(ride, "MATCHING", "COMPLETED")
	return ride
}

// CompletedAt checks the rider's history and the owner's sales against the times of
// completion that the ratings were answered with.
func (s *Scene) CompletedAt(when string, completed map[string]int64) {
	t := s.Process.T
	t.Helper()
	rides := s.User.Want(200, "GET", "/api/app/rides", nil)["rides"].([]any)
	if len(rides) != len(completed) {
		t.Errorf("%s: the history has %d rides, want %d", when, len(rides), len(completed))
	}
	for _, v := range rides {
		ride := v.(Object)
		at := completed[ride["id"].(string)]
		if got := Integer(t, ride["completed_at"]); got != at {
			t.Errorf("%s: the history says %d, the rating said %d", when, got, at)
		}
		s.Owner.WantSales(1700, fmt.Sprintf("?since=%d&until=%d", at, at))
		s.Owner.WantSales(0, fmt.Sprintf("?since=%d&until=%d", at+1, at))
	}
}

// PaidOnce checks the gateway's books.
func (p *Process) PaidOnce(ride string) {
	p.T.Helper()
	if paid := p.Gateway.ByKey(ride); len(paid) != 1 || paid[0].Status != gateway.StatusSuccess {
		p.T.Fatalf("payments for ride %s: %+v, want one", ride, paid)
	}
}
