package world

import "testing"

// Every step says how the turn goes on, and every call what is counted when it fails.
func TestSteps(t *testing.T) {
	checkSteps(t, "user", userSteps(), int(userEvaluation))
	checkSteps(t, "chair", chairSteps(), int(chairRetryPause))
	checkSteps(t, "owner", ownerSteps(), int(ownerPurchase))
}

func checkSteps[T turnTaker](t *testing.T, kind string, steps []step[T], last int) {
	if len(steps) != last+1 {
		t.Errorf("%s: %d steps in the table, want %d", kind, len(steps)-1, last)
	}
	for i, s := range steps {
		call := s.event != 0
		switch {
		case i == 0 && (call || s.take != nil || s.then != nil):
			t.Errorf("%s: an idle turn waits", kind)
		case i > 0 && (s.take == nil) == (s.then == nil):
			t.Errorf("%s: step %d goes on in no way, or in two", kind, i)
		case !call && s.take != nil, call && s.call == "", call && s.code == 0 && s.failed == nil:
			t.Errorf("%s: step %d: %+v", kind, i, s)
		case (s.page != 0) != (s.event == EventVisited):
			t.Errorf("%s: step %d has no page to visit, or one that it does not visit", kind, i)
		}
	}
}
