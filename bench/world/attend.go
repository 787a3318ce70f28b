package world

// attendRide is the turn of a user with a ride (B4.3 step C).
func (u *user) attendRide() {
	if !u.connected {
		u.connected = true
		u.client.OpenNotifications()
	}
	switch r := u.ride; r.userView {
	case StatusMatching:
		if u.matchingOverdue() {
			u.world.complain(&u.entity, CodeMatchingTimeout, "ride %s was created 30 s ago and the user still waits for ENROUTE", r.id)
		}
	case StatusArrived:
		if !r.evaluated {
			u.rating = r.criteria().evaluation()
			u.visit(userEvaluationVisit)
			return
		}
	case StatusCompleted:
		u.ride = nil
		u.connected = false
		u.client.CloseNotifications()
	}
	u.endTurn()
}

// postEvaluation holds the lock of the ride until the answer has been dealt with, so that
// no turn sees COMPLETED before (B4.4).
func (u *user) postEvaluation() {
	u.step = userEvaluationLock
	if !u.ride.lock.acquire(u) {
		return
	}
	u.step = userEvaluation
	u.ride.chair.owner.rating[u.ride] = true
	r, now := u.ride, u.world.now
	if r.ratedAt == 0 { // it may be tried again
		r.ratedAt = now
		u.world.spent(StageArrival, now-r.changedAt[StatusArrived])
	}
	u.client.Evaluate(u.ride.id, u.rating)
}

func (u *user) evaluated(e Event) {
	u.complete(u.ride, e.Time)
	u.endEvaluation()
}

func (u *user) evaluationFailed(call string, f *Failure) {
	code := CodeEvaluation
	if f.Kind == FailureTimeout {
		code = CodeEvaluationTimeout
	}
	u.callFailed(code, call, f)
	u.endEvaluation()
}

// endEvaluation ends the turn and frees the ride for others.
func (u *user) endEvaluation() {
	u.step = userIdle
	delete(u.ride.chair.owner.rating, u.ride)
	u.ride.lock.release()
	u.endTurn()
}

// complete does the bookkeeping of an evaluated ride (B4.4, steps 4 to 8).
func (u *user) complete(r *ride, at Millis) {
	w := u.world
	r.completedAt, r.serverCompletedAt = int32(w.tick), at
	r.desire(StatusCompleted, w.now)
	r.evaluated, r.rating = true, u.rating
	u.note("evaluated", r, StatusCompleted)
	if r.paidAt != 0 {
		w.spent(StageCharge, r.paidAt-r.ratedAt)
		w.spent(StageRating, w.now-r.paidAt)
	}
	u.cycle.free = w.now
	if !r.paid {
		w.complain(&u.entity, CodeUnpaid, "ride %s was completed, but the payment service has not seen its payment", r.id)
		return
	}
	u.region.rated(r.rating, len(u.history), u.ratingSum)
	u.ratingSum += r.rating
	r.chair.rated(r)
	r.chair.owner.earned(r)
	w.stats.completed(r)
	w.invite(u, r.rating)
}
