package verify

import (
	"context"
	"testing"
	"testing/synctest"
)

// check runs everything against a fake in virtual time.
func check(t *testing.T, f fault) Report {
	t.Helper()
	var report Report
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		s := newFake(p, f, f.polling)
		defer s.close()
		r, err := run(context.Background(), Options{Target: "http://isuride", PaymentListen: "gateway:80"}, p.network())
		if err != nil {
			t.Fatal(err)
		}
		report = r
	})
	return report
}

func TestRightServer(t *testing.T) {
	for _, polling := range []bool{false, true} {
		r := check(t, fault{polling: polling})
		for _, x := range r.Results {
			if x.Outcome != OK && x.Outcome != Skip {
				t.Errorf("%s is %s: %s\n%q", x.Rule, x.Outcome, x.Got, x.Exchange)
			}
		}
		t.Logf("polling %v: %d rules, %v, %.1f s of virtual time", polling, len(r.Results), r.Counts, r.Seconds)
	}
}
