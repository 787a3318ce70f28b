package world

import "fmt"

func (c *chair) readInbox() { readInbox(c, &c.inbox) }

func (c *chair) taken(n int) { c.client.NotificationsTaken(n) }

func (c *chair) mayRead(n *ChairNotification) bool {
	c.step = chairInboxLock
	return n.Status != StatusCompleted || c.ride == nil || c.ride.lock.pass(c)
}

// notified applies one notification (B5.6); false means that it was wrong. Order and ride
// id are mostly not looked at, as in the official tool.
func (c *chair) notified(n *ChairNotification) bool {
	switch n.Status {
	case StatusMatching:
		return c.matched(n)
	case StatusEnroute, StatusPickup, StatusCarrying, StatusArrived:
		return c.checkNotice(n)
	case StatusCompleted:
		return c.completed(n)
	}
	return true
}

func (c *chair) matched(n *ChairNotification) bool {
	if c.notice != nil && c.notice.RideID != n.RideID {
		c.world.complain(&c.entity, CodeSecondRide, "matched with ride %s before COMPLETED of ride %s", n.RideID, c.notice.RideID)
		return false
	}
	if c.notice == nil {
		c.note("was matched", c.world.ridesByID[n.RideID], StatusMatching)
		c.lastStatus = StatusMatching
	}
	c.world.empty.remove(c)
	c.notice = n
	return true
}

// checkNotice compares with the held match notice.
func (c *chair) checkNotice(n *ChairNotification) bool {
	if err := c.compareNotice(n); err != nil {
		c.note("got a wrong notification", c.ride, n.Status)
		c.world.complain(&c.entity, CodeChairNotification, "%v of ride %s: %v", n.Status, n.RideID, err)
		return false
	}
	if n.Status != c.lastStatus {
		c.lastStatus = n.Status
		c.note("was notified", c.ride, n.Status)
	}
	return true
}

func (c *chair) compareNotice(n *ChairNotification) error {
	held := c.notice
	switch {
	case held == nil:
		return fmt.Errorf("the chair holds no match")
	case n.UserID != held.UserID || n.UserName != held.UserName:
		return fmt.Errorf("user %s (%s), but MATCHING said %s (%s)", n.UserID, n.UserName, held.UserID, held.UserName)
	case n.Pickup != held.Pickup || n.Destination != held.Destination:
		return fmt.Errorf("trip %v to %v, but MATCHING said %v to %v", n.Pickup, n.Destination, held.Pickup, held.Destination)
	}
	return nil
}

// completed frees the chair, which joins the empty ones in the same turn. A late
// repetition for an earlier ride is ignored only while there is no new one.
func (c *chair) completed(n *ChairNotification) bool {
	r := c.ride
	if r == nil {
		if c.hasCompleted(n.RideID) {
			return true
		}
		c.world.complain(&c.entity, CodeChairWithoutRide, "got COMPLETED of ride %s without having a ride", n.RideID)
		return false
	}
	if r.desired != StatusCompleted {
		c.world.complain(&c.entity, CodeEarlyCompleted, "got COMPLETED of ride %s while ride %s is at %v", n.RideID, r.id, r.desired)
		return false
	}
	if !c.checkNotice(n) {
		return false
	}
	r.chairView = StatusCompleted
	c.released(r)
	c.ride, c.notice = nil, nil
	return true
}

func (c *chair) hasCompleted(rideID string) bool {
	r := c.world.ridesByID[rideID]
	if r == nil || r.desired != StatusCompleted {
		return false
	}
	for i := len(c.accepted) - 1; i >= 0; i-- {
		if c.accepted[i] == r {
			return true
		}
	}
	return false
}
