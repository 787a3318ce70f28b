package world

import "fmt"

func (o *owner) listReceived(e Event) {
	if err := o.checkList(e.Body.([]OwnedChair)); err != nil {
		o.world.complain(&o.entity, CodeOwnerChairs, "%v", err)
	}
	o.endTurn()
}

// checkList compares the server's list of chairs with the owner's (B6.4).
func (o *owner) checkList(got []OwnedChair) error {
	if len(got) != len(o.chairs) {
		return fmt.Errorf("%d chairs in the list, expected %d", len(got), len(o.chairs))
	}
	listed := make(map[string]*OwnedChair, len(got))
	for i := range got {
		listed[got[i].ID] = &got[i]
	}
	for _, c := range o.chairs {
		if err := c.checkOwned(listed[c.id], o.baseTime); err != nil {
			return fmt.Errorf("chair %s: %w", c.id, err)
		}
	}
	return nil
}

func (c *chair) checkOwned(got *OwnedChair, baseTime Instant) error {
	switch {
	case got == nil:
		return fmt.Errorf("missing in the list")
	case got.Name != c.name || got.Model != c.model.name:
		return fmt.Errorf("is %s (%s), expected %s (%s)", got.Name, got.Model, c.name, c.model.name)
	case !got.HasUpdatedAt:
		return nil // whatever the distance
	}
	// Server times are floored: a position of the very millisecond of the question may
	// have been recorded after its answer.
	if i := c.track.indexAt(baseTime - Millisecond); i >= 0 && (c.track[i].at-got.UpdatedAt).Instant() > grace {
		return fmt.Errorf("distance of %d is older than 3 s, a position was recorded at %d", got.UpdatedAt, c.track[i].at)
	}
	// The total of this moment is right too: the answer can be faster than the bench's
	// note of recorded_at.
	if want := c.travelledAt(got.UpdatedAt); got.TotalDistance != want && got.TotalDistance != c.travelled {
		return fmt.Errorf("total distance %d at %d, expected %d, or %d for now", got.TotalDistance, got.UpdatedAt, want, c.travelled)
	}
	return nil
}

// travelledAt is the sum of the moves the server recorded until t.
func (c *chair) travelledAt(t Millis) int {
	if i := c.track.indexAt(t.Instant()); i >= 0 {
		return int(c.track[i].travelled)
	}
	return 0
}
