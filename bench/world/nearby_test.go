package world

import "testing"

// listed answers the current request of scene's user with its idle chair, changed.
func (s *stage) listed(u *user, c *chair, change func(*NearbyChair)) {
	n := c.listing()
	change(&n)
	s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{n}})
}

func TestHardFindings(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(*NearbyChair)
		chair  func(*stage, *chair, *user)
	}{
		"unknown chair":  {answer: func(n *NearbyChair) { n.ID = "C99" }},
		"inactive chair": {chair: func(_ *stage, c *chair, _ *user) { c.state = chairInactive }},
		"name":           {answer: func(n *NearbyChair) { n.Name = "x" }},
		"model":          {answer: func(n *NearbyChair) { n.Model = "x" }},
		"too far":        {answer: func(n *NearbyChair) { n.Position.X += 51 }},
		"never there":    {answer: func(n *NearbyChair) { n.Position.X++ }},
		"serving": {chair: func(_ *stage, c *chair, u *user) {
			c.accepted = []*ride{{acceptedAt: u.request.baseTime - 3*Second}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, ch, u := scene(t)
			if c.chair != nil {
				c.chair(s, ch, u)
			}
			s.listed(u, ch, func(n *NearbyChair) {
				if c.answer != nil {
					c.answer(n)
				}
			})
			s.count(CodeNearby, 1)
			s.expect(u.Entity) // the request does not go on
			if u.invitation.held {
				t.Fatal("the invitation lock is still held")
			}
		})
	}
}

func TestToleratedListings(t *testing.T) {
	for name, change := range map[string]func(*chair, *user){
		"exactly idle":      func(*chair, *user) {},
		"accepted just now": func(c *chair, u *user) { c.accepted = []*ride{{acceptedAt: u.request.baseTime - 3*Second + 1}} },
		"evaluated":         func(c *chair, u *user) { c.accepted = []*ride{{acceptedAt: 1, evaluated: true}} },
	} {
		t.Run(name, func(t *testing.T) {
			s, c, u := scene(t)
			change(c, u)
			s.succeed(u.Entity)
			s.silent()
			if u.step != userEstimate {
				t.Fatal("the request did not go on")
			}
		})
	}
}

// The position may be one that the chair left at most 3 s before (B10.1).
func TestStalePositions(t *testing.T) {
	p, q := Point{1, 1}, Point{2, 2}
	at := func(ms Millis, p Point) fix { return fix{at: ms, position: p} }
	since := Millis(10_000).Instant()
	for name, c := range map[string]struct {
		track track
		want  visit
	}{
		"never":               {track{at(1, q), at(2, q)}, neverThere},
		"still there":         {track{at(1, q), at(2, p)}, recently},
		"left in time":        {track{at(1, p), at(10_000, q)}, recently},
		"left too early":      {track{at(1, p), at(9_999, q), at(20_000, q)}, tooLongAgo},
		"leaving now":         {track{at(1, p), at(0, q)}, recently},
		"not yet recorded":    {track{at(1, q), at(0, p)}, neverThere},
		"came back":           {track{at(1, p), at(2, q), at(9_000, p), at(11_000, q)}, recently},
		"long ago, then away": {track{at(1, p), at(2, q), at(9_000, q), at(11_000, q)}, tooLongAgo},
	} {
		if got := c.track.visited(p, since); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestStaleListingIsSoft(t *testing.T) {
	s, c, u := scene(t)
	old := Point{c.position.X + 1, c.position.Y}
	base := u.request.baseTime.Millis()
	c.track = track{{at: base - 9000, position: old}, {at: base - 3001, position: c.position}}
	s.listed(u, c, func(n *NearbyChair) { n.Position = old })
	s.count(CodeNearbyStale, 1)
	if u.step != userEstimate {
		t.Fatal("the request did not go on")
	}
}

// missing answers scene's request with chair 1 only, after a change, and waits for the
// second look.
func missing(t *testing.T, change func(s *stage, c *chair, u *user)) *stage {
	s, c, u := scene(t)
	// scene's request came in the tick of the activation; this one is late enough for
	// every grace to be over.
	s.now += 10 * Second
	u.request.baseTime = s.now
	c.track[0].at = (s.now - 8*Second).Millis()
	other := s.w.chairs[1]
	other.state, other.position = chairActive, c.position
	other.accepted = []*ride{{acceptedAt: s.now}}
	change(s, c, u)
	s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{other.listing()}})
	s.now += grace
	s.tick()
	return s
}

func TestMissingChair(t *testing.T) {
	missing(t, func(*stage, *chair, *user) {}).count(CodeNearbyMissing, 1)
	for name, change := range map[string]func(s *stage, c *chair, u *user){
		"matched":         func(s *stage, c *chair, _ *user) { c.notice = &ChairNotification{}; s.w.empty.remove(c) },
		"just activated":  func(_ *stage, c *chair, u *user) { c.activatedAt = u.request.baseTime },
		"still activated": func(_ *stage, c *chair, _ *user) { c.activatedAt = 0 },
		"just freed": func(_ *stage, c *chair, u *user) {
			c.accepted = []*ride{{evaluated: true, serverCompletedAt: (u.request.baseTime - grace).Millis() + 1}}
		},
		"moved lately": func(_ *stage, c *chair, u *user) {
			c.track = append(c.track, fix{at: (u.request.baseTime - Second).Millis(), position: c.position})
			c.track[0].position = Point{c.position.X + 1, c.position.Y}
		},
		"out of reach": func(s *stage, c *chair, _ *user) {
			s.w.empty.remove(c)
			c.position.X += 51
			s.w.empty.add(c)
		},
		"the load is over": func(s *stage, _ *chair, _ *user) { s.w.EndLoad(s.now) },
	} {
		t.Run(name, func(t *testing.T) { missing(t, change).count(CodeNearbyMissing, 0) })
	}
}

// A chair that stood still all the time counts as standing from its placement on, without
// any grace.
func TestFreshChairIsMissed(t *testing.T) {
	s := missing(t, func(_ *stage, c *chair, u *user) {
		c.activatedAt = u.request.baseTime - 1
		c.track[0].at = u.request.baseTime.Millis()
	})
	s.count(CodeNearbyMissing, 1)
}

func TestMissingChairIsExcusedByItsNextRide(t *testing.T) {
	for _, c := range []struct {
		after Instant // acceptance, from the request
		want  int
	}{{grace - 1, 0}, {grace, 1}} {
		s, ch, u := scene(t)
		s.now += 10 * Second
		u.request.baseTime = s.now
		ch.track[0].at = (s.now - 8*Second).Millis()
		s.w.chairs[1].state, s.w.chairs[1].position = chairActive, ch.position
		s.deliver(Event{To: u.Entity, Kind: EventNearbyChairs, Body: []NearbyChair{s.w.chairs[1].listing()}})
		ch.accepted = append(ch.accepted, &ride{acceptedAt: u.request.baseTime + c.after})
		s.now += grace
		s.tick()
		s.count(CodeNearbyMissing, c.want)
	}
}
