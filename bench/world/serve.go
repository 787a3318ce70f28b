package world

import "fmt"

// detourPercent of all rides have a detour (B5.9).
const detourPercent = 10

// A detour is one step back on the way of a ride.
type detour struct {
	leg   Status // StatusEnroute or StatusCarrying; StatusUnknown if none is planned or it is done
	point Point  // where it happens
}

// adopt takes on the ride of the match notice (B5.5). A ride the bench does not know yet
// is looked up again in the next turn: the notice can be faster than the answer to the
// user.
func (c *chair) adopt() {
	r := c.world.ridesByID[c.notice.RideID]
	if r == nil {
		c.endTurn()
		return
	}
	if err := c.checkMatch(r); err != nil {
		c.note("stopped by a wrong match", r, StatusUnknown)
		c.world.complain(&c.entity, CodeChairNotification, "match with ride %s: %v", r.id, err)
		c.stop()
		c.endTurn()
		return
	}
	c.note("adopted", r, StatusMatching)
	c.ride = r
	c.detour = c.planDetour(r)
	c.reportPosition()
}

func (c *chair) checkMatch(r *ride) error {
	switch n := c.notice; {
	case n.Pickup != r.pickup:
		return fmt.Errorf("pickup %v, expected %v", n.Pickup, r.pickup)
	case n.Destination != r.destination:
		return fmt.Errorf("destination %v, expected %v", n.Destination, r.destination)
	case n.UserID != r.user.id || n.UserName != r.user.name():
		return fmt.Errorf("user %s (%s), expected %s (%s)", n.UserID, n.UserName, r.user.id, r.user.name())
	}
	return nil
}

func (c *chair) planDetour(r *ride) detour {
	if c.random.IntN(100) >= detourPercent {
		return detour{}
	}
	if coin(c.random) {
		return detour{StatusEnroute, detourPoint(c.random, c.position, r.pickup, c.model.speed)}
	}
	return detour{StatusCarrying, detourPoint(c.random, r.pickup, r.destination, c.model.speed)}
}

// serve is the turn of a chair with a ride (B5.4).
func (c *chair) serve() {
	r := c.ride
	switch r.chairView {
	case StatusMatching:
		if c.state == chairActive {
			c.accept()
			return
		}
	case StatusEnroute:
		c.drive(r.pickup)
		if c.position == r.pickup {
			r.dispatchedAt = int32(c.world.tick)
			c.reached(StatusPickup)
		}
	case StatusPickup:
		if r.userView == StatusPickup {
			c.step = chairDeparture
			c.client.PostStatus(r.id, StatusCarrying)
			return
		}
	case StatusCarrying:
		c.drive(r.destination)
		if c.position == r.destination {
			r.arrivedAt = int32(c.world.tick)
			c.reached(StatusArrived)
		}
	}
	c.reportPosition()
}

// accept holds the lock of the ride until the answer has been dealt with, so that no turn
// sees ENROUTE before.
func (c *chair) accept() {
	c.step = chairAcceptLock
	if !c.ride.lock.acquire(c) {
		return
	}
	c.ride.acceptedAt = c.world.now
	c.step = chairAccept
	c.client.PostStatus(c.ride.id, StatusEnroute)
}

func (c *chair) acceptFailed(call string, f *Failure) {
	r := c.ride
	r.acceptedAt = 0
	c.callFailed(CodeAccept, call+" of ride "+r.id, f)
	r.lock.release()
	c.endTurn()
}

func (c *chair) rideAccepted(Event) {
	r := c.ride
	r.chair = c
	r.start = c.position
	r.pickupDistance = c.position.distance(r.pickup)
	r.matchedAt = int32(c.world.tick)
	r.chairView = StatusEnroute
	r.desire(StatusEnroute, c.world.now)
	c.engaged(r)
	c.accepted = append(c.accepted, r)
	c.note("accepted", r, StatusEnroute)
	r.lock.release()
	c.reportPosition()
}

// drive makes one move of the current leg, which may be the detour.
func (c *chair) drive(to Point) {
	speed := c.model.speed
	switch onDetour := c.detour.leg == c.ride.chairView; {
	case onDetour && c.position == c.detour.point:
		c.detour = detour{}
		c.moveTo(stepAway(c.random, c.position, to, speed))
	case onDetour:
		c.moveTo(stepTowards(c.random, c.position, c.detour.point, speed))
	default:
		c.moveTo(stepTowards(c.random, c.position, to, speed))
	}
}

// reached advances the ride before the position that causes it is sent, so a notification
// is never too early.
func (c *chair) reached(s Status) {
	c.note("reached", c.ride, s)
	r, now := c.ride, c.world.now
	r.chairView = s
	r.desire(s, now)
	if s == StatusPickup {
		c.world.spent(StageWay, now-r.changedAt[StatusEnroute])
	} else {
		c.world.spent(StageCarrying, now-r.changedAt[StatusCarrying])
	}
}

func (c *chair) departureFailed(call string, f *Failure) {
	c.callFailed(CodeDepart, call+" of ride "+c.ride.id, f)
	c.endTurn()
}

func (c *chair) departed(Event) {
	r := c.ride
	r.pickedUpAt = int32(c.world.tick)
	r.chairView = StatusCarrying
	r.desire(StatusCarrying, c.world.now)
	c.world.spent(StageBoarding, c.world.now-r.changedAt[StatusPickup])
	c.note("departed", r, StatusCarrying)
	c.reportPosition()
}
