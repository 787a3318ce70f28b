package rules

import (
	"net/http"
	"time"

	"isuride/bench/verify/probe"
)

// revenue is the answer of GET /api/owner/sales.
type revenue struct {
	*probe.Answer `json:"-"`
	Total         int `json:"total_sales"`
	Chairs        []struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Sales int    `json:"sales"`
	} `json:"chairs"`
	Models []struct {
		Model string `json:"model"`
		Sales int    `json:"sales"`
	} `json:"models"`
}

// sales asks for the sales. The query may be empty.
func (o *owner) sales(query string) revenue {
	w := o.Get(probe.SalesPath + query)
	r := revenue{Answer: w}
	w.Decode(&r)
	return r
}

// chair returns the sales of a chair, or -1 if it is not listed.
func (r revenue) chair(id string) int {
	for _, c := range r.Chairs {
		if c.ID == id {
			return c.Sales
		}
	}
	return -1
}

// model returns the sales of a model and how often it is listed.
func (r revenue) model(name string) (sales, times int) {
	for _, m := range r.Models {
		if m.Model == name {
			sales += m.Sales
			times++
		}
	}
	return sales, times
}

func sales() Scenario {
	return Scenario{
		name: "sales",
		rules: []rule{
			{"sales-immediate", "S4.13", B, "a ride counts as soon as its rating was answered"},
			{"sales-answer", "S4.13", B, "the sales answer 200 with total_sales, chairs and models"},
			{"sales-full-fare", "S4.13", B, "a ride counts with its full fare, before coupons"},
			{"sales-complete", "S4.13", B, "every chair of the owner is there with its name, also with 0, and every model once"},
			{"sales-sums", "S4.13", B, "total_sales is the sum of the chairs and of the models"},
			{"sales-until", "S4.13", B, "until is inclusive to the end of its millisecond and leaves out what was completed later"},
			{"sales-since", "S4.13", B, "since is inclusive and leaves out what was completed earlier"},
			{"sales-own", "S4.13", M, "owners see only their own chairs"},
		},
		play: func(t *trial) {
			o := t.owner()
			idle := o.parked(slowModel)
			first := t.sold(o, otherModel)
			t.checkImmediate(o, first)
			second := t.sold(o, slowModel)
			t.checkSales(o, idle, first, second)
			t.checkWindow(o, first, second)
			r := t.owner().sales("")
			t.check("sales-own", r.Fine() && r.Total == 0 && r.chair(first.chair.id) < 0, r.Summary(), r)
		},
	}
}

// sold completes a ride with a new chair of the owner, which then goes off duty.
func (t *trial) sold(o *owner, model string) *ride {
	t.Sleep(10 * time.Millisecond) // completion times must differ
	c := o.working(model, t.at.Plus(1, 0))
	r := t.long(t.payingUser(""))
	got := r.take(c, probe.Completed)
	t.need(got == c, "the chair was sent to another ride")
	c.retire()
	return r
}

func (t *trial) checkImmediate(o *owner, r *ride) {
	first := o.sales("")
	last := first
	settled := func() bool { last = o.sales(""); return last.chair(r.chair.id) > 0 }
	t.need(t.eventually(settled), "the ride never counts", r.rated, last)
	t.check("sales-immediate", first.chair(r.chair.id) == last.chair(r.chair.id),
		words("sales were %d first and are %d now", first.chair(r.chair.id), last.chair(r.chair.id)), r.rated, first, last)
}

func (t *trial) checkSales(o *owner, idle *chair, first, second *ride) {
	var r revenue
	t.eventually(func() bool { r = o.sales(""); return r.chair(second.chair.id) > 0 })
	t.answersWith("sales-answer", r.Answer, http.StatusOK, probe.SalesAnswer())
	full := fare(first.from, first.to, 0)
	ok := r.chair(first.chair.id) == full && r.chair(second.chair.id) == full
	t.check("sales-full-fare", ok, words("wanted %d for each ride", full), first.requested, second.requested, r)
	t.checkComplete(r, idle, first.chair, second.chair)
	chairs, models := 0, 0
	for _, c := range r.Chairs {
		chairs += c.Sales
	}
	for _, m := range r.Models {
		models += m.Sales
	}
	t.check("sales-sums", r.Total == chairs && r.Total == models, words("total %d, chairs %d, models %d", r.Total, chairs, models), r)
}

func (t *trial) checkComplete(r revenue, all ...*chair) {
	for _, c := range all {
		there := false
		for _, x := range r.Chairs {
			there = there || x.ID == c.id && x.Name == c.name
		}
		t.check("sales-complete", there, "chair "+c.id+" "+c.name+" is not there", r)
	}
	_, slow := r.model(slowModel)
	_, other := r.model(otherModel)
	t.check("sales-complete", len(r.Chairs) == len(all), words("%d chairs instead of %d", len(r.Chairs), len(all)), r)
	t.check("sales-complete", slow == 1 && other == 1 && len(r.Models) == 2, "the models are not "+slowModel+" and "+otherModel+", once each", r)
}

func (t *trial) checkWindow(o *owner, first, second *ride) {
	for _, x := range []struct {
		id, query     string
		first, second bool
	}{
		{"sales-until", words("?until=%d", first.doneAt), true, false},
		{"sales-until", words("?until=%d", first.doneAt-1), false, false},
		{"sales-until", words("?until=%d", second.doneAt), true, true},
		{"sales-since", words("?since=%d", first.doneAt), true, true},
		{"sales-since", words("?since=%d", first.doneAt+1), false, true},
		{"sales-since", words("?since=%d", second.doneAt+1), false, false},
	} {
		r := o.sales(x.query)
		ok := (r.chair(first.chair.id) > 0) == x.first && (r.chair(second.chair.id) > 0) == x.second
		t.check(x.id, ok, words("completed at %d and %d", first.doneAt, second.doneAt), first.rated, second.rated, r)
	}
}
