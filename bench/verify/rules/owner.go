package rules

import (
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

// owner registers one.
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

// sales asks with a query, which may be empty.
func (o *owner) sales(query string) revenue {
	w := o.Get(probe.SalesPath + query)
	r := revenue{Answer: w}
	w.Decode(&r)
	return r
}

// chair is the sales of a chair; -1 if it is not there.
func (r revenue) chair(id string) int {
	for _, c := range r.Chairs {
		if c.ID == id {
			return c.Sales
		}
	}
	return -1
}

// model is the sales of a model and how often it is there.
func (r revenue) model(name string) (sales, times int) {
	for _, m := range r.Models {
		if m.Model == name {
			sales += m.Sales
			times++
		}
	}
	return sales, times
}
