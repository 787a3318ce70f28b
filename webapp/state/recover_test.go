package state

import (
	"slices"
	"strings"
	"testing"

	"isuride/webapp/isuride"
)

// TestRecordOfAnotherVersion: the log is whole, so the sentence must not send anybody to
// repair it.
func TestRecordOfAnotherVersion(t *testing.T) {
	r := NewRecovery(New(Options{}, &isuride.Tables{}, nil), 0)
	whole := (&isuride.Event{Kind: isuride.ChargeStarted, Charge: &isuride.Charge{RideID: "R1"}}).Append(nil)
	err := r.Replay(7, whole[:len(whole)-1])
	if err == nil || !strings.Contains(err.Error(), "event 7 was written by another version") {
		t.Error(err)
	}
}

// TestPromotionAroundRelease: that a rated chair rests until its rider is answered is in no event. A standby
// that is promoted between completion and release frees the chair itself, since the leader, whose release
// it was, can no longer answer the rider. Of a charge that is still under way the release is the new leader's,
// who resumes it.
func TestPromotionAroundRelease(t *testing.T) {
	for name, completed := range map[string]bool{"after the completion": true, "before the completion": false} {
		t.Run(name, func(t *testing.T) {
			leader := newFixture(t)
			c := leader.chair(isuride.Coordinate{})
			r := leader.arrive(leader.user(""), c, isuride.Coordinate{}, isuride.Coordinate{Latitude: 9})
			ch, _, err := leader.BeginCharge(r.User, r.ID, 5)
			leader.must(err)
			if completed {
				_, err = leader.Complete(ch)
				leader.must(err)
			}
			leader.expectFree(c, "at the leader, whose rider has no answer yet,", false, false)

			standby, charges := leader.promoted()
			c, _ = standby.ChairByID(c.ID)
			if n := len(charges); completed && n != 0 || !completed && n != 1 {
				t.Fatalf("%d charges are to be resumed", n)
			}
			for _, ch := range charges {
				standby.expectFree(c, "before the charge is resumed", false, false)
				_, err := standby.Complete(ch)
				standby.must(err)
				standby.expectFree(c, "before the new leader's release", false, false)
				standby.Release(ch.Ride)
				standby.Reveal(ch.Ride)
			}
			standby.expectFree(c, "after the promotion", true, true)
			next, err := standby.RequestRide(standby.user(""), isuride.Coordinate{}, isuride.Coordinate{Latitude: 1})
			standby.must(err)
			standby.assign(next, c)
			standby.expectSameAfterRestart()
		})
	}
}

// promoted is a standby that has replayed all that is recorded, and leads now; with it come the charges to
// be resumed. Until then it has no free chairs.
func (b *fixture) promoted() (*fixture, []*Charge) {
	b.t.Helper()
	s := &fixture{t: b.t, clock: b.clock, base: b.base, log: &memoryLog{events: slices.Clone(b.log.events), hashes: slices.Clone(b.log.hashes)}}
	s.Store = New(s.options(), &s.base, nil)
	s.log.store = s.Store
	r := NewRecovery(s.Store, 0)
	for i, event := range s.log.events {
		b.must(r.Replay(uint64(i+1), event))
	}
	if n := len(s.Region(isuride.RegionOf(isuride.Coordinate{})).Free(nil)); n != 0 {
		b.t.Fatalf("the standby has %d free chairs before it leads", n)
	}
	charges, _, err := r.Finish(uint64(len(s.log.events)))
	b.must(err)
	return s, charges
}
