package world

import (
	"fmt"
	"math"
)

func (u *user) readInbox() { readInbox(u, &u.inbox) }

func (u *user) taken(n int) { u.client.NotificationsTaken(n) }

func (u *user) mayRead(*UserNotification) bool {
	u.step = userInboxLock
	return u.ride == nil || u.ride.lock.pass(u)
}

// notified applies one notification; false means that it was wrong.
func (u *user) notified(n *UserNotification) bool {
	if n.Status == StatusUnknown {
		return true
	}
	if u.ride == nil {
		if u.isFinishedRide(n) {
			return true
		}
		u.world.complain(&u.entity, CodeUserWithoutRide, "got %v of ride %s without having a ride", n.Status, n.RideID)
		return false
	}
	r := u.ride
	if !r.legalForUser(n.Status) {
		if u.isFinishedRide(n) {
			return true
		}
		u.world.complain(&u.entity, CodeUserTransition, "got %v of ride %s: the ride is at %v, the user last saw %v",
			n.Status, n.RideID, r.desired, r.userView)
		return false
	}
	if err := u.checkNotification(n); err != nil {
		u.note("got a wrong notification", r, n.Status)
		u.world.complain(&u.entity, CodeUserNotification, "%v of ride %s: %v", n.Status, n.RideID, err)
		return false
	}
	if n.Status != r.userView {
		u.note("was notified", r, n.Status)
		r.userView = n.Status
	}
	return true
}

// isFinishedRide reports whether n repeats the COMPLETED of a ride of this user that is
// over, which is always ignored (B9.4).
func (u *user) isFinishedRide(n *UserNotification) bool {
	if n.Status != StatusCompleted {
		return false
	}
	r := u.world.ridesByID[n.RideID]
	return r != nil && r.user == u && r != u.ride && r.desired == StatusCompleted
}

// legalForUser is the table of B9.4.
func (r *ride) legalForUser(s Status) bool {
	switch {
	case s == r.userView, s == r.desired:
		return true
	case s == StatusEnroute:
		return r.userView == StatusMatching && r.desired == StatusPickup
	case s == StatusCarrying:
		return r.userView == StatusPickup && (r.desired == StatusArrived || r.desired == StatusPickup)
	}
	return false
}

// checkNotification looks at the content (B9.5).
func (u *user) checkNotification(n *UserNotification) error {
	switch n.Status {
	case StatusMatching:
		return u.checkTrip(n)
	case StatusEnroute:
		return u.checkAndRemember(n)
	case StatusCompleted:
		return u.checkFully(n)
	}
	if u.snapshot == nil {
		return u.checkAndRemember(n)
	}
	return compareWithSnapshot(n, u.snapshot)
}

func (u *user) checkAndRemember(n *UserNotification) error {
	err := u.checkFully(n)
	if err == nil {
		u.snapshot = n
	}
	return err
}

func (u *user) checkTrip(n *UserNotification) error {
	switch r := u.ride; {
	case n.Pickup != r.pickup:
		return fmt.Errorf("pickup %v, expected %v", n.Pickup, r.pickup)
	case n.Destination != r.destination:
		return fmt.Errorf("destination %v, expected %v", n.Destination, r.destination)
	case n.Fare != r.fare():
		return fmt.Errorf("fare %d, expected %d", n.Fare, r.fare())
	}
	return nil
}

// checkFully compares with what the bench knows. Any chair of the run will do, not only
// the one that accepted.
func (u *user) checkFully(n *UserNotification) error {
	if err := u.checkTrip(n); err != nil {
		return err
	}
	if !n.HasChair {
		return fmt.Errorf("the chair is missing")
	}
	c := u.world.chairsByID[n.Chair.ID]
	switch {
	case c == nil:
		return fmt.Errorf("chair %s is unknown", n.Chair.ID)
	case n.Chair.Name != c.name || n.Chair.Model != c.model.name:
		return fmt.Errorf("chair %s is %s (%s), expected %s (%s)", c.id, n.Chair.Name, n.Chair.Model, c.name, c.model.name)
	case n.Chair.TotalRides != c.ratedRides:
		return fmt.Errorf("chair %s has %d rides, expected %d", c.id, n.Chair.TotalRides, c.ratedRides)
	}
	if c.ratedRides == 0 {
		if n.Chair.EvaluationAvg != 0 {
			return fmt.Errorf("chair %s has an average of %v without any ride", c.id, n.Chair.EvaluationAvg)
		}
		return nil
	}
	if want := float64(c.ratingSum) / float64(c.ratedRides); !similar(n.Chair.EvaluationAvg, want) {
		return fmt.Errorf("chair %s has an average of %v, expected %v", c.id, n.Chair.EvaluationAvg, want)
	}
	return nil
}

// compareWithSnapshot is for the statuses during which nothing about the ride may change.
func compareWithSnapshot(n, want *UserNotification) error {
	switch {
	case n.Pickup != want.Pickup || n.Destination != want.Destination || n.Fare != want.Fare:
		return fmt.Errorf("trip %v to %v for %d, but ENROUTE said %v to %v for %d",
			n.Pickup, n.Destination, n.Fare, want.Pickup, want.Destination, want.Fare)
	case !n.HasChair:
		return fmt.Errorf("the chair is missing")
	case n.Chair.ID != want.Chair.ID || n.Chair.Name != want.Chair.Name || n.Chair.Model != want.Chair.Model:
		return fmt.Errorf("chair %s (%s, %s), but ENROUTE said %s (%s, %s)",
			n.Chair.ID, n.Chair.Name, n.Chair.Model, want.Chair.ID, want.Chair.Name, want.Chair.Model)
	case n.Chair.TotalRides != want.Chair.TotalRides || !similar(n.Chair.EvaluationAvg, want.Chair.EvaluationAvg):
		return fmt.Errorf("%d rides with an average of %v, but ENROUTE said %d with %v",
			n.Chair.TotalRides, n.Chair.EvaluationAvg, want.Chair.TotalRides, want.Chair.EvaluationAvg)
	}
	return nil
}

// similar allows 0.01 or 1 % (B9.5).
func similar(got, want float64) bool {
	return math.Abs(got-want) <= max(0.01, 0.01*math.Abs(want))
}
