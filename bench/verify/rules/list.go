package rules

import (
	"net/http"

	"isuride/bench/verify/probe"
)

// emptyLists looks with the eyes of a new user, at a place without chairs.
func emptyLists() Scenario {
	return Scenario{
		name: "empty lists",
		rules: []rule{
			{"history-empty", "S4.4", B, "a new user's history is 200 with an empty array, not null"},
			{"nearby-empty", "S4.10", B, "where no chair is, nearby-chairs is 200 with an empty array, not null, and retrieved_at"},
			{"nearby-clock", "S4.10", M, "retrieved_at is the current time in ms"},
		},
		play: func(t *trial) {
			u := t.newUser("")
			h := u.history()
			t.answersWith("history-empty", h.Answer, http.StatusOK, probe.HistoryAnswer())
			t.check("history-empty", len(h.Rides) == 0, h.Summary(), h)
			n := u.nearby(probe.At(-400_000, 400_000), -1)
			t.answersWith("nearby-empty", n.Answer, http.StatusOK, probe.NearbyAnswer())
			var b struct {
				At int64 `json:"retrieved_at"`
			}
			n.Decode(&b)
			t.check("nearby-clock", n.During(b.At), words("retrieved_at is %d and the own clock said %d", b.At, n.Received.UnixMilli()), n)
		},
	}
}

func wrongQueries() Scenario {
	return Scenario{
		name: "wrong queries",
		rules: []rule{
			{"nearby-position", "S4.10", M, "a latitude or longitude that is missing, empty or no integer answers 400"},
			{"nearby-distance-format", "S4.10", M, "a distance that is no integer answers 400"},
		},
		play: func(t *trial) {
			u := t.newUser("")
			for _, query := range []string{"", "?latitude=1", "?longitude=1", "?latitude=&longitude=1", "?latitude=x&longitude=1", "?latitude=1&longitude=1.5"} {
				t.refuses("nearby-position", u.Get(probe.NearbyPath+query), http.StatusBadRequest)
			}
			t.refuses("nearby-distance-format", u.Get(probe.NearbyPath+"?latitude=1&longitude=1&distance=x"), http.StatusBadRequest)
		},
	}
}
