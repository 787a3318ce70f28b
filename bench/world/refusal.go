package world

// A rest is what goes on when the time is over that a server that refused has asked for.
type rest struct {
	until Instant
	then  func()
}

func (w *World) restFor(d Instant, then func()) {
	w.resting = append(w.resting, rest{w.now + d, then})
}

// Rested has everybody go on whose time is over. During the load ticks do that.
func (w *World) Rested(now Instant) {
	w.advance(now)
	w.endRests()
}

func (w *World) endRests() {
	waiting := w.resting
	w.resting = nil
	for _, r := range waiting {
		if r.until > w.now {
			w.resting = append(w.resting, r)
		} else {
			r.then()
		}
	}
}

// refused has a user give up the ride that is wanted, and rest; what makes a user is repeated.
func (u *user) refused(f *Failure) bool {
	switch {
	case !u.world.config.Refusals:
		return false
	case u.step == userRegistration:
		u.world.restFor(f.RetryAfter, u.register)
	case u.step == userPayment:
		u.world.restFor(f.RetryAfter, u.registerPayment)
	case u.arrival != nil:
		u.giveUp(f.RetryAfter)
	default:
		return false
	}
	return true
}

// giveUp ends the turn without the ride.
func (u *user) giveUp(rests Instant) {
	u.arrival.refused = u.world.now
	u.arrival = nil
	u.rests = true
	u.world.restFor(rests, u.rested)
	if u.step > userRequestLock { // it holds the invitation code since then
		u.endRequest()
	} else {
		u.endTurn()
	}
}

func (u *user) rested() {
	u.rests = false
	u.offer()
	if u.arrival != nil && u.step == userIdle {
		u.world.wakeUser(u)
	}
}

// refused has a chair repeat what it does without a ride.
func (c *chair) refused(f *Failure) bool {
	switch {
	case !c.world.config.Refusals || c.ride != nil:
		return false
	case c.step == chairRegistration:
		c.world.restFor(f.RetryAfter, c.register)
	case c.step == chairActivation:
		c.world.restFor(f.RetryAfter, c.client.Activate)
	case c.step == chairPosition:
		c.world.restFor(f.RetryAfter, c.postPosition)
	default:
		return false
	}
	return true
}

// refused has an owner miss the hour, or register later.
func (o *owner) refused(f *Failure) bool {
	switch {
	case !o.world.config.Refusals:
		return false
	case o.step == ownerRegistration:
		o.world.restFor(f.RetryAfter, o.register)
	default:
		o.endTurn()
	}
	return true
}
