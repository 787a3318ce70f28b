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
