package world

// refused implements turnTaker for all that must not be refused.
func (e *entity) refused(*Failure) bool { return false }

// refused has a user give up the ride that is wanted, and rest.
func (u *user) refused(f *Failure) bool {
	if !u.world.config.Refusals || u.arrival == nil {
		return false
	}
	u.arrival.refused = u.world.now
	u.arrival = nil
	u.restsUntil = u.world.now + f.RetryAfter
	u.world.resting = append(u.world.resting, u)
	if u.step > userRequestLock { // it holds the invitation code since then
		u.endRequest()
	} else {
		u.endTurn()
	}
	return true
}

// refused has an owner miss the hour.
func (o *owner) refused(*Failure) bool {
	if !o.world.config.Refusals || o.step == ownerRegistration {
		return false
	}
	o.endTurn()
	return true
}

// endRests gives the users back who have rested.
func (w *World) endRests() {
	still := w.resting[:0]
	for _, u := range w.resting {
		if u.restsUntil > w.now {
			still = append(still, u)
			continue
		}
		u.restsUntil = 0
		u.offer()
		if u.arrival != nil && u.step == userIdle {
			w.wakeUser(u)
		}
	}
	w.resting = still
}
