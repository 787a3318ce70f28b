package world

import "testing"

// A delay ends when the notification comes, not when the user's next turn reads it, and
// repetitions do not count.
func TestReceipt(t *testing.T) {
	s, c, r := arrived(t)
	arrival := s.now
	s.now += 7 * Millisecond
	s.tellUser(r, StatusArrived)
	s.now += 2 * Millisecond
	s.tellChair(c, r, StatusArrived)
	s.tellChair(c, r, StatusArrived)
	s.tick()
	s.tellUser(r, StatusArrived)
	user, chair := &s.w.Stats().UserNotices[StatusArrived], &s.w.Stats().ChairNotices[StatusArrived]
	if r.changedAt[StatusArrived] != arrival || user.Count() != 1 || user.Max() != 7*Millisecond {
		t.Errorf("user: %d receipts, at most %d us", user.Count(), user.Max())
	}
	if chair.Count() != 1 || chair.Max() != 9*Millisecond {
		t.Errorf("chair: %d receipts, at most %d us", chair.Count(), chair.Max())
	}
}

// The server changes the status before its answer to the acceptance comes, so a
// notification may be faster.
func TestReceiptAheadOfTheAnswer(t *testing.T) {
	s, c, r := requested(t)
	s.tellChair(c, r, StatusMatching)
	s.tick()
	s.tick()
	s.expect(c.Entity, "status R0 ENROUTE")
	s.tellUser(r, StatusEnroute)
	s.now += 5 * Millisecond
	s.succeed(c.Entity)
	s.tellChair(c, r, StatusEnroute)
	user, chair := &s.w.Stats().UserNotices[StatusEnroute], &s.w.Stats().ChairNotices[StatusEnroute]
	if user.Count() != 1 || user.Max() != 0 || chair.Count() != 1 || chair.Max() != 0 {
		t.Errorf("delays up to %d and %d us, want one of 0 each", user.Max(), chair.Max())
	}
	if n := s.w.Stats().UserNotices[StatusMatching].Count(); n != 0 {
		t.Errorf("%d delays of MATCHING, for which nobody waits", n)
	}
}
