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
		call, page := s.event != 0, s.page != 0
		switch {
		case i == 0:
			if call || s.take != nil || s.then != nil {
				t.Errorf("%s: an idle turn waits", kind)
			}
		case (s.take != nil) != (call && !page) || (s.then != nil) != (!call || page):
			t.Errorf("%s: step %d goes on in no way, or in the wrong one", kind, i)
		case page != (s.event == EventVisited):
			t.Errorf("%s: step %d has no page to visit, or one that it does not visit", kind, i)
		case call && (s.call == "" || s.code == 0 && s.failed == nil):
			t.Errorf("%s: a failure at step %d would not count", kind, i)
		}
	}
}
