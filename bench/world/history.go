package world

import "fmt"

// checkHistory compares the server's list of the user's rides with the bench's (B4.3 step
// B3). The order is free.
func (u *user) checkHistory(got []PastRide) error {
	if len(got) != len(u.history) {
		return fmt.Errorf("%d rides in the history, expected %d", len(got), len(u.history))
	}
	for i := range got {
		if err := u.checkPastRide(&got[i]); err != nil {
			return fmt.Errorf("ride %s in the history: %w", got[i].ID, err)
		}
	}
	return nil
}

func (u *user) checkPastRide(got *PastRide) error {
	r := u.world.ridesByID[got.ID]
	if r == nil || r.user != u {
		return fmt.Errorf("not a ride of this user")
	}
	c := r.chair
	switch {
	case got.Pickup != r.pickup:
		return fmt.Errorf("pickup %v, expected %v", got.Pickup, r.pickup)
	case got.Destination != r.destination:
		return fmt.Errorf("destination %v, expected %v", got.Destination, r.destination)
	case got.Fare != r.fare():
		return fmt.Errorf("fare %d, expected %d", got.Fare, r.fare())
	case got.Evaluation != r.rating:
		return fmt.Errorf("evaluation %d, expected %d", got.Evaluation, r.rating)
	case got.ChairID != c.id || got.ChairName != c.name || got.ChairModel != c.model.name:
		return fmt.Errorf("chair %s (%s, %s), expected %s (%s, %s)",
			got.ChairID, got.ChairName, got.ChairModel, c.id, c.name, c.model.name)
	case got.ChairOwner != c.owner.name:
		return fmt.Errorf("owner %s, expected %s", got.ChairOwner, c.owner.name)
	case got.CompletedAt != r.serverCompletedAt:
		return fmt.Errorf("completed at %d, expected %d as the evaluation answered", got.CompletedAt, r.serverCompletedAt)
	}
	return nil
}
