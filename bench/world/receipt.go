package world

// receipts are the statuses of a ride that a client has received, a bit for each.
type receipts uint8

// first marks s and reports whether it was not marked before.
func (m *receipts) first(s Status) bool {
	bit := receipts(1) << s
	old := *m
	*m |= bit
	return old&bit == 0
}

// received books the first receipt of a status by one of the ride's two clients. Whether
// it is right is seen when it is read.
func (w *World) received(delays *[StatusCompleted + 1]Histogram, m *receipts, r *ride, s Status) {
	if s <= StatusMatching || !m.first(s) {
		return
	}
	delay := Instant(0)
	if r.changedAt[s] != 0 {
		delay = w.now - r.changedAt[s]
	}
	delays[s].Add(delay)
}

// receive queues a notification for the user's next turn.
func (u *user) receive(n *UserNotification) {
	if r := u.ride; r != nil && r.id == n.RideID {
		u.world.received(&u.world.stats.UserNotices, &r.userReceipts, r, n.Status)
	}
	u.inbox.push(n)
	u.world.wakeUser(u)
}

// receive queues a notification for the chair's next turn.
func (c *chair) receive(n *ChairNotification) {
	if r := c.ride; r != nil && r.id == n.RideID {
		c.world.received(&c.world.stats.ChairNotices, &r.chairReceipts, r, n.Status)
	}
	if n.Status == StatusMatching {
		c.noticed(n.RideID)
	}
	c.inbox.push(n)
	c.world.wakeChair(c)
}
