package rules

import "isuride/bench/verify/probe"

// userStreams opens and closes a user's stream between the statuses of a ride.
func userStreams() Scenario {
	return Scenario{
		name: "user streams",
		rules: []rule{
			{"reconnect-user-repeats", "S6.4", M, "a new stream with nothing pending starts with the current status"},
			{"reconnect-user-pending", "S6.4", B, "statuses of the time without a stream come on the next one, in order"},
			{"reconnect-user-no-replay", "S6.4", B, "a new stream has nothing older than the last delivered status"},
			{"late-user-stream", "S6.7", B, "a stream that is first opened at ARRIVED gets all five statuses, in order"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			open := func() *probe.Stream { return u.OpenStream(probe.UserNoticePath) }
			t.once("reconnect-user-pending", "reconnect-user-no-replay", open(), r, probe.Matching, probe.Matching)
			t.once("reconnect-user-repeats", "reconnect-user-no-replay", open(), r, probe.Matching, probe.Matching)
			c := r.take(nil, probe.Pickup)
			t.interrupted(r, open, "reconnect-user-repeats", "reconnect-user-pending", "reconnect-user-no-replay")
			t.lateStream(c)
		},
	}
}

// chairStreams does the same with a chair's stream.
func chairStreams() Scenario {
	return Scenario{
		name: "chair streams",
		rules: []rule{
			{"reconnect-chair-repeats", "S6.4", M, "a new stream with nothing pending starts with the current status"},
			{"reconnect-chair-pending", "S6.4", B, "statuses of the time without a stream come on the next one, in order"},
			{"reconnect-chair-no-replay", "S6.4", B, "a new stream has nothing older than the last delivered status"},
		},
		play: func(t *trial) {
			r := t.short(t.payingUser(""))
			c := r.match(nil)
			c.stream.HangUp()
			open := func() *probe.Stream { return c.OpenStream(probe.ChairNoticePath) }
			t.once("reconnect-chair-repeats", "reconnect-chair-no-replay", open(), r, probe.Matching, probe.Matching)
			r.drive(probe.Pickup)
			t.interrupted(r, open, "reconnect-chair-repeats", "reconnect-chair-pending", "reconnect-chair-no-replay")
		},
	}
}

// interrupted drives a ride from PICKUP, of which MATCHING was delivered, to its end,
// with a new stream for each step.
func (t *trial) interrupted(r *ride, open func() *probe.Stream, repeats, pending, replay string) {
	t.once(pending, replay, open(), r, probe.Matching, probe.Pickup)
	r.drive(probe.Carrying)
	t.once(pending, replay, open(), r, probe.Pickup, probe.Carrying)
	t.once(repeats, replay, open(), r, probe.Carrying, probe.Carrying)
	r.drive(probe.Arrived)
	t.once(pending, replay, open(), r, probe.Carrying, probe.Arrived)
	r.drive(probe.Completed)
	t.once(pending, replay, open(), r, probe.Arrived, probe.Completed)
	t.once(repeats, replay, open(), r, probe.Completed, probe.Completed)
}

// once watches a stream until a status and a moment longer, and closes it. The statuses
// from the last delivered one to that one are legal; all but the first have to come.
func (t *trial) once(must, legal string, s *probe.Stream, r *ride, from, to string) {
	s.Sees(r.id, to)
	t.Sleep(quiet / 3)
	s.HangUp()
	all := steps(r, t.delivered(s, r, from), to)
	t.check(must, t.covers(s, all[min(1, len(all)-1):]), words("%s; wanted %s", sequence(s.Statuses()), sequence(all)), s)
	t.check(legal, inOrder(onlyRide(s.Statuses(), r), all), words("%s; legal is %s", sequence(s.Statuses()), sequence(all)), s)
}

func (t *trial) lateStream(c *chair) {
	u := t.payingUser("")
	r := t.short(u)
	r.take(c, probe.Arrived)
	s := u.OpenStream(probe.UserNoticePath)
	s.Sees(r.id, probe.Arrived)
	t.check("late-user-stream", t.covers(s, steps(r, probe.Matching, probe.Arrived)), sequence(s.Statuses()), s)
	r.drive(probe.Completed)
}

// parallelStreams opens two streams on either side.
func parallelStreams() Scenario {
	return Scenario{
		name: "parallel streams",
		rules: []rule{
			{"parallel-user", "S6.4", A, "every open stream of a user gets every new status"},
			{"parallel-chair", "S6.4", A, "every open stream of a chair gets every new status"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			users := []*probe.Stream{u.OpenStream(probe.UserNoticePath), u.OpenStream(probe.UserNoticePath)}
			for _, s := range users {
				_, ok := s.Connected()
				t.need(ok, "the notifications did not answer", s)
			}
			if !users[0].Pushes() {
				t.skip("a poll hands out each status once, whichever client asks", "parallel-user", "parallel-chair")
				return
			}
			r := t.short(u)
			c := r.match(nil)
			chairs := []*probe.Stream{c.stream, c.OpenStream(probe.ChairNoticePath)}
			_, ok := chairs[1].Connected()
			t.need(ok, "the notifications did not answer", chairs[1])
			r.drive(probe.Completed)
			t.bothStreams("parallel-user", r, users, probe.Matching)
			t.bothStreams("parallel-chair", r, chairs, probe.Enroute)
		},
	}
}

func (t *trial) bothStreams(id string, r *ride, both []*probe.Stream, from string) {
	for _, s := range both {
		s.Sees(r.id, probe.Completed)
		t.check(id, t.covers(s, steps(r, from, probe.Completed)), sequence(s.Statuses()), both[0], both[1])
	}
}

// unreadRide has a user who misses the end of a ride and requests the next.
func unreadRide() Scenario {
	return Scenario{
		name: "unread ride",
		rules: []rule{
			{"next-ride-order", "S6.4", M, "a ride's undelivered ARRIVED and COMPLETED come before MATCHING of the user's next ride"},
		},
		play: func(t *trial) {
			u := t.payingUser("")
			r := t.short(u)
			s := u.OpenStream(probe.UserNoticePath)
			c := r.take(nil, probe.Carrying)
			r.needs(s, probe.Carrying)
			if !s.Pushes() {
				t.skip("a poll answers the newest ride (S6.4, item 7)", "next-ride-order")
				r.drive(probe.Completed)
				return
			}
			s.HangUp()
			r.drive(probe.Completed)
			next := t.short(u)
			s = u.OpenStream(probe.UserNoticePath)
			s.Sees(next.id, probe.Matching)
			wanted := append(steps(r, probe.Arrived, probe.Completed), probe.Step{Ride: next.id, Status: probe.Matching})
			t.check("next-ride-order", t.covers(s, wanted), sequence(s.Statuses()), s)
			next.take(c, probe.Completed)
		},
	}
}
