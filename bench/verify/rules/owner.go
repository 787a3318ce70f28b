package rules

import (
	"net/http"

	"isuride/bench/verify/probe"
)

// An owner is an account that has chairs.
type owner struct {
	probe.Account
	t        *trial
	id, name string
	invite   string // chair_register_token
	created  *probe.Answer
}

// owner registers an owner with a name of its own.
func (t *trial) owner() *owner {
	o := t.ownerNamed(t.name("o"))
	t.need(o.created.Fine() && o.Token != "" && o.invite != "", "an owner could not be registered", o.created)
	return o
}

func (t *trial) ownerNamed(name string) *owner {
	w := t.Anonymous().Post(probe.OwnersPath, map[string]string{"name": name})
	var b struct {
		ID    string `json:"id"`
		Token string `json:"chair_register_token"`
	}
	w.Decode(&b)
	return &owner{
		t:       t,
		Account: t.Account(probe.OwnerCookie, w.Issued(probe.OwnerCookie)),
		id:      b.ID, name: name, invite: b.Token, created: w,
	}
}

// fleet is the answer of GET /api/owner/chairs.
type fleet struct {
	*probe.Answer `json:"-"`
	Chairs        []fleetChair `json:"chairs"`
}

type fleetChair struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Model        string `json:"model"`
	Active       bool   `json:"active"`
	RegisteredAt int64  `json:"registered_at"`
	Distance     int    `json:"total_distance"`
	UpdatedAt    *int64 `json:"total_distance_updated_at"`
}

func (o *owner) fleet() fleet {
	w := o.Get(probe.FleetPath)
	f := fleet{Answer: w}
	w.Decode(&f)
	return f
}

func (f fleet) find(id string) *fleetChair {
	for i := range f.Chairs {
		if f.Chairs[i].ID == id {
			return &f.Chairs[i]
		}
	}
	return nil
}

func owners() Scenario {
	return Scenario{
		name: "owners",
		rules: []rule{
			{"owner-created", "S4.11", B, "POST /api/owner/owners answers 201 with id and chair_register_token"},
			{"owner-chairs-empty", "S4.12", B, "an owner without chairs gets an empty array, not null"},
			{"owner-sales-empty", "S4.13", B, "an owner without chairs gets zero sales and two empty arrays"},
			{"owner-sales-bare-query", "S4.0", B, "GET /api/owner/sales? with an empty query answers as without"},
		},
		play: func(t *trial) {
			o := t.ownerNamed(t.name("o"))
			t.answersWith("owner-created", o.created, http.StatusCreated, probe.OwnerAnswer())
			t.need(o.Token != "", "an owner could not be registered", o.created)
			t.checkNoChairs(o)
		},
	}
}

func (t *trial) checkNoChairs(o *owner) {
	f := o.fleet()
	t.answersWith("owner-chairs-empty", f.Answer, http.StatusOK, probe.FleetAnswer())
	t.check("owner-chairs-empty", len(f.Chairs) == 0, f.Summary(), f)
	r := o.sales("")
	t.answersWith("owner-sales-empty", r.Answer, http.StatusOK, probe.SalesAnswer())
	t.check("owner-sales-empty", r.Total == 0 && len(r.Chairs) == 0 && len(r.Models) == 0, r.Summary(), r)
	bare := o.sales("?")
	t.check("owner-sales-bare-query", bare.Status == r.Status && bare.Total == r.Total, bare.Summary(), r, bare)
}

func wrongOwners() Scenario {
	return Scenario{
		name: "wrong owners",
		rules: []rule{
			{"owner-name", "S4.11", M, "a missing or empty name answers 400"},
			{"owner-unique", "S4.11", M, "a name is given once"},
			{"owner-duplicate-4xx", "S4.11", A, "a name that is taken answers 4xx, not 5xx"},
			{"owner-sales-window-format", "S4.13", M, "since or until that are no integers answer 400"},
		},
		play: func(t *trial) {
			for _, body := range []string{`{}`, `{"name":""}`} {
				t.refuses("owner-name", t.Anonymous().Post(probe.OwnersPath, body), http.StatusBadRequest)
			}
			o := t.owner()
			again := t.ownerNamed(o.name).created
			t.check("owner-unique", again.Status >= 400, again.Summary(), o.created, again)
			t.check("owner-duplicate-4xx", again.Refused(), again.Summary(), o.created, again)
			for _, query := range []string{"?since=x", "?until=x", "?since=1.5"} {
				t.refuses("owner-sales-window-format", o.Get(probe.SalesPath+query), http.StatusBadRequest)
			}
		},
	}
}
