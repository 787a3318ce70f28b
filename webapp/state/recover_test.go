package state

import (
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

// A charge whose end could not be recorded goes on in the log until the next one takes its place:
// hashes and images say the same as the log all the time.
func TestChargeWhoseEndIsNotRecorded(t *testing.T) {
	for name, end := range map[string]func(*fixture, *Charge){
		"complete": func(b *fixture, ch *Charge) {
			if _, err := b.Complete(ch); err == nil {
				t.Error("a completion that was not recorded was answered")
			}
		},
		"abandon": func(b *fixture, ch *Charge) { b.Abandon(ch, isuride.Errorf(isuride.PaymentFailed, "no")) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newFixture(t)
			u := b.user("")
			c := b.chair(isuride.Coordinate{})
			r := b.arrive(u, c, isuride.Coordinate{Latitude: 1}, isuride.Coordinate{Latitude: 5})
			ch, _, err := b.BeginCharge(u, r.ID, 3)
			b.must(err)
			b.log.fail = isuride.Errorf(isuride.Unavailable, "full")
			end(b, ch)
			b.log.fail = nil
			b.expectSameAfterRestart()
			again, first, err := b.BeginCharge(u, r.ID, 5)
			b.must(err)
			if !first || again == ch {
				t.Fatal("the ride cannot be rated again")
			}
			b.expectSameAfterRestart()
			_, err = b.Complete(again)
			b.must(err)
			b.Release(r)
			b.Reveal(r)
			b.expectSameAfterRestart()
		})
	}
}
