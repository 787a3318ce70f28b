package rules

import (
	"net/http"
	"time"

	"isuride/bench/verify/probe"
)

func (u *user) history() history {
	w := u.Get(probe.RidesPath)
	h := history{Answer: w}
	w.Decode(&h)
	return h
}

// A history is the answer of GET /api/app/rides.
type history struct {
	*probe.Answer `json:"-"`
	Rides         []pastRide `json:"rides"`
}

type pastRide struct {
	ID    string      `json:"id"`
	From  probe.Point `json:"pickup_coordinate"`
	To    probe.Point `json:"destination_coordinate"`
	Fare  int         `json:"fare"`
	Chair struct {
		ID    string `json:"id"`
		Owner string `json:"owner"`
		Name  string `json:"name"`
		Model string `json:"model"`
	} `json:"chair"`
	Evaluation  int   `json:"evaluation"`
	RequestedAt int64 `json:"requested_at"`
	CompletedAt int64 `json:"completed_at"`
}

func (h history) find(id string) *pastRide {
	for i := range h.Rides {
		if h.Rides[i].ID == id {
			return &h.Rides[i]
		}
	}
	return nil
}

func (t *trial) checkHistory(u *user, r *ride) {
	h := u.history()
	t.answersWith("history-answer", h.Answer, http.StatusOK, probe.HistoryAnswer())
	t.check("history-immediate", h.find(r.id) != nil, "the ride is not listed", r.rated, h)
	t.need(t.eventually(func() bool { h = u.history(); return h.find(r.id) != nil }), "the ride is never in the history", r.rated, h)
	x, c := h.find(r.id), r.chair
	content := x.From == r.from && x.To == r.to && x.Evaluation == 4 &&
		x.Chair.ID == c.id && x.Chair.Name == c.name && x.Chair.Model == c.model && x.Chair.Owner == c.owner.name
	t.check("history-content", content, words("wanted %s to %s, evaluation 4, chair %s %s %s of %s", r.from, r.to, c.id, c.name, c.model, c.owner.name), h)
	t.check("history-fare", x.Fare == r.due, words("fare %d instead of %d", x.Fare, r.due), r.requested, h)
	t.check("history-completed-at", x.CompletedAt == r.doneAt, words("completed_at %d instead of %d", x.CompletedAt, r.doneAt), r.rated, h)
	t.check("history-requested-at", r.requested.During(x.RequestedAt),
		words("requested_at is %d and the own clock said %d", x.RequestedAt, r.requested.Received.UnixMilli()), r.requested, h)
}

// checkHistoryOrder completes another ride. The pause keeps the two requested_at apart.
func (t *trial) checkHistoryOrder(u *user, c *chair) {
	t.Sleep(10 * time.Millisecond)
	r := t.short(u)
	r.take(c, probe.Completed)
	var h history
	listed := t.eventually(func() bool { h = u.history(); return h.find(r.id) != nil })
	t.check("history-order", listed && h.Rides[0].ID == r.id, "not so", r.requested, h)
}
