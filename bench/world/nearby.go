package world

import "fmt"

// grace is the time that the checks allow between a change and its visibility (B6.4,
// B10).
const grace = 3 * Second

// checkNearby judges an answer to the user's current request (B10). False means a hard
// finding: no ride is ordered.
func (u *user) checkNearby(got []NearbyChair) bool {
	w := u.world
	w.nearbyAnswers++
	q := &u.request
	stale := 0
	for i := range got {
		fresh, err := w.checkListed(&got[i], q)
		if err != nil {
			w.complain(&u.entity, CodeNearby, "chair %s near %v: %v", got[i].ID, q.pickup, err)
			return false
		}
		if !fresh {
			stale++
		}
	}
	if stale > 0 {
		w.complain(&u.entity, CodeNearbyStale, "%d of %d chairs near %v have not been at their position for 3 s", stale, len(got), q.pickup)
	}
	w.findMissing(u)
	return true
}

// checkListed applies B10.1 to one chair. An error is a hard finding, a position that is
// not fresh a soft one.
func (w *World) checkListed(got *NearbyChair, q *rideRequest) (fresh bool, err error) {
	c := w.chairsByID[got.ID]
	if c == nil {
		return false, fmt.Errorf("unknown")
	}
	c.listed = w.nearbyAnswers
	if c.cycle.free != 0 && c.cycle.listed == 0 {
		c.cycle.listed = w.now
	}
	switch {
	case c.state < chairActive:
		return false, fmt.Errorf("not active")
	case got.Name != c.name || got.Model != c.model.name:
		return false, fmt.Errorf("is %s (%s), expected %s (%s)", got.Name, got.Model, c.name, c.model.name)
	case got.Position.distance(q.pickup) > nearbyDistance:
		return false, fmt.Errorf("at %v, too far away", got.Position)
	}
	if r := c.lastRide(); r != nil && !r.evaluated && r.acceptedAt <= q.baseTime-grace {
		return false, fmt.Errorf("is serving ride %s", r.id)
	}
	if got.Position == c.position {
		return true, nil
	}
	switch c.track.visited(got.Position, q.baseTime-grace) {
	case neverThere:
		return false, fmt.Errorf("at %v, where it has never been", got.Position)
	case tooLongAgo:
		return false, nil
	}
	return true, nil
}

func (c *chair) lastRide() *ride {
	if len(c.accepted) == 0 {
		return nil
	}
	return c.accepted[len(c.accepted)-1]
}

// A missingCheck looks again, some time after an answer, whether chairs it lacked had a
// reason (B10.2).
type missingCheck struct {
	user     *user
	at       Instant
	baseTime Instant
	pickup   Point
	suspects []missingChair
}

// A missingChair was not listed, though nothing the bench knew then excused it.
type missingChair struct {
	chair    *chair
	accepted int // rides it had accepted
}

func (m missingCheck) dueAt() Instant { return m.at }

// findMissing collects the chairs which the answer just checked should have listed.
func (w *World) findMissing(u *user) {
	q := &u.request
	var suspects []missingChair
	w.empty.within(q.pickup, nearbyDistance, func(c *chair) {
		if c.listed != w.nearbyAnswers && c.shouldBeListed(q) {
			suspects = append(suspects, missingChair{c, len(c.accepted)})
		}
	})
	if suspects != nil {
		w.missingChecks.push(missingCheck{u, w.now + grace, q.baseTime, q.pickup, suspects})
	}
}

// shouldBeListed applies the conditions of B10.2 to a chair of the grid, which already
// guarantees the distance.
func (c *chair) shouldBeListed(q *rideRequest) bool {
	if c.notice != nil || c.ride != nil || c.activatedAt == 0 || c.activatedAt >= q.baseTime {
		return false
	}
	if r := c.lastRide(); r != nil && r.serverCompletedAt.Instant() > q.baseTime-grace {
		return false
	}
	return c.positionAt(q.baseTime) == c.position && c.positionAt(q.baseTime-grace) == c.position
}

// positionAt is the position of the chair at t by the server's times; before its first
// report it was at home.
func (c *chair) positionAt(t Instant) Point {
	if i := c.track.indexAt(t); i >= 0 {
		return c.track[i].position
	}
	return c.home
}

func (w *World) finishMissingCheck(m missingCheck) {
	missing := 0
	var example *chair
	for _, s := range m.suspects {
		if !s.chair.acceptedSoonAfter(s.accepted, m.baseTime+grace) {
			missing++
			example = s.chair
		}
	}
	if missing > 0 {
		w.complain(&m.user.entity, CodeNearbyMissing, "%d idle chairs near %v were not listed, for example %v (%s) at %v",
			missing, m.pickup, example.Entity, example.id, example.position)
	}
}

// acceptedSoonAfter reports whether the chair accepted another ride after its first n,
// before the deadline.
func (c *chair) acceptedSoonAfter(n int, deadline Instant) bool {
	return len(c.accepted) > n && c.accepted[n].acceptedAt < deadline
}
