package payment

import (
	"net/http"
	"testing"
)

// TestStats: each attempt counts by its outcome.
func TestStats(t *testing.T) {
	answers := []int{500, 409, 204, 401}
	var g *Gateway
	inBubble(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := g.Stats().InProgress; n != 1 {
			t.Errorf("%d charges are in progress, want 1", n)
		}
		w.WriteHeader(answers[0])
		answers = answers[1:]
	}), func(t *testing.T, tested *Gateway) {
		g = tested
		if err := chargeRide(g); err != nil {
			t.Fatal(err)
		}
		wantRefused(t, chargeRide(g), 401)
		if s := g.Stats(); s != (Stats{Accepted: 1, Refused: 1, Failed: 2}) {
			t.Errorf("the stats are %+v", s)
		}
	})
}
