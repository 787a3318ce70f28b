package verify

// userStreams opens and closes a user's stream between the statuses of a ride.
func userStreams(at point) Scenario {
	return Scenario{
		name: "user streams",
		at:   at,
		rules: []rule{
			{"reconnect-user-repeats", "S6.4", M, "a new stream with nothing pending starts with the current status"},
			{"reconnect-user-pending", "S6.4", B, "statuses of the time without a stream come on the next one, in order"},
			{"reconnect-user-no-replay", "S6.4", B, "a new stream has nothing older than the last delivered status"},
			{"late-user-stream", "S6.7", B, "a stream that is first opened at ARRIVED gets all five statuses, in order"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			open := func() *stream { return u.openStream(userNoticePath) }
			t.once("reconnect-user-pending", "reconnect-user-no-replay", open(), r, matching, matching)
			t.once("reconnect-user-repeats", "reconnect-user-no-replay", open(), r, matching, matching)
			c := r.take(nil, pickup)
			t.interrupted(r, open, "reconnect-user-repeats", "reconnect-user-pending", "reconnect-user-no-replay")
			t.lateStream(c)
		},
	}
}

// chairStreams does the same to a chair's.
func chairStreams(at point) Scenario {
	return Scenario{
		name: "chair streams",
		at:   at,
		rules: []rule{
			{"reconnect-chair-repeats", "S6.4", M, "a new stream with nothing pending starts with the current status"},
			{"reconnect-chair-pending", "S6.4", B, "statuses of the time without a stream come on the next one, in order"},
			{"reconnect-chair-no-replay", "S6.4", B, "a new stream has nothing older than the last delivered status"},
		},
		play: func(t *trial) {
			r := t.short(t.payingUser(""))
			c := r.match(nil)
			c.stream.hangUp()
			open := func() *stream { return c.openStream(chairNoticePath) }
			t.once("reconnect-chair-repeats", "reconnect-chair-no-replay", open(), r, matching, matching)
			r.drive(pickup)
			t.interrupted(r, open, "reconnect-chair-repeats", "reconnect-chair-pending", "reconnect-chair-no-replay")
		},
	}
}

// interrupted takes a ride at PICKUP, of which MATCHING was delivered, to its end with a new stream for each step.
func (t *trial) interrupted(r *ride, open func() *stream, repeats, pending, replay string) {
	t.once(pending, replay, open(), r, matching, pickup)
	r.drive(carrying)
	t.once(pending, replay, open(), r, pickup, carrying)
	t.once(repeats, replay, open(), r, carrying, carrying)
	r.drive(arrived)
	t.once(pending, replay, open(), r, carrying, arrived)
	r.drive(completed)
	t.once(pending, replay, open(), r, arrived, completed)
	t.once(repeats, replay, open(), r, completed, completed)
}

// once watches a stream until a status, and a moment longer, and closes it. Legal is what lies between the status
// delivered last and that one; all after the first has to come.
func (t *trial) once(must, legal string, s *stream, r *ride, from, to string) {
	s.sees(r.id, to)
	t.sleep(quiet / 3)
	s.hangUp()
	all := steps(r, t.delivered(s, r, from), to)
	t.check(must, t.covers(s, all[min(1, len(all)-1):]), words("%s; wanted %s", sequence(s.statuses()), sequence(all)), s)
	t.check(legal, inOrder(onlyRide(s.statuses(), r), all), words("%s; legal is %s", sequence(s.statuses()), sequence(all)), s)
}

func (t *trial) lateStream(c *chair) {
	u := t.payingUser("")
	r := t.short(u)
	r.take(c, arrived)
	s := u.openStream(userNoticePath)
	s.sees(r.id, arrived)
	t.check("late-user-stream", t.covers(s, steps(r, matching, arrived)), sequence(s.statuses()), s)
	r.drive(completed)
}

// parallelStreams has two streams of each side.
func parallelStreams(at point) Scenario {
	return Scenario{
		name: "parallel streams",
		at:   at,
		rules: []rule{
			{"parallel-user", "S6.4", A, "every open stream of a user gets every new status"},
			{"parallel-chair", "S6.4", A, "every open stream of a chair gets every new status"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			users := []*stream{u.openStream(userNoticePath), u.openStream(userNoticePath)}
			for _, s := range users {
				_, ok := s.connected()
				t.need(ok, "the notifications did not answer", s)
			}
			if !users[0].pushes() {
				t.skip("a poll answers one status, to whoever asks", "parallel-user", "parallel-chair")
				return
			}
			r := t.short(u)
			c := r.match(nil)
			chairs := []*stream{c.stream, c.openStream(chairNoticePath)}
			_, ok := chairs[1].connected()
			t.need(ok, "the notifications did not answer", chairs[1])
			r.drive(completed)
			t.bothStreams("parallel-user", r, users, matching)
			t.bothStreams("parallel-chair", r, chairs, enroute)
		},
	}
}

func (t *trial) bothStreams(id string, r *ride, both []*stream, from string) {
	for _, s := range both {
		s.sees(r.id, completed)
		t.check(id, t.covers(s, steps(r, from, completed)), sequence(s.statuses()), both[0], both[1])
	}
}

// unreadRide has a user who misses the end of a ride and requests the next.
func unreadRide(at point) Scenario {
	return Scenario{
		name: "unread ride",
		at:   at,
		rules: []rule{
			{"next-ride-order", "S6.4", M, "a ride's undelivered ARRIVED and COMPLETED come before MATCHING of the user's next ride"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			s := u.openStream(userNoticePath)
			c := r.take(nil, carrying)
			r.needs(s, carrying)
			if !s.pushes() {
				t.skip("a poll answers the newest ride (S6.4, item 7)", "next-ride-order")
				r.drive(completed)
				return
			}
			s.hangUp()
			r.drive(completed)
			next := t.short(u)
			s = u.openStream(userNoticePath)
			s.sees(next.id, matching)
			wanted := append(steps(r, arrived, completed), step{ride: next.id, status: matching})
			t.check("next-ride-order", t.covers(s, wanted), sequence(s.statuses()), s)
			next.take(c, completed)
		},
	}
}
