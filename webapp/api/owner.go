package api

import (
	"math"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

func (a *API) registerOwner(c call) error {
	var body struct {
		Name string `json:"name"`
	}
	if err := c.decode(&body); err != nil {
		return err
	}
	inBody, err := c.tokenInBody()
	if err != nil {
		return err
	}
	o, err := c.gen.Store.RegisterOwner(body.Name)
	if err != nil {
		return err
	}
	token := c.login(ownerSession, o.AccessToken, inBody)
	return c.object(201, struct {
		ID                 string `json:"id"`
		ChairRegisterToken string `json:"chair_register_token"`
		AccessToken        string `json:"access_token,omitempty"`
	}{o.ID, o.ChairRegisterToken, token})
}

// ownedChair is a chair in its owner's list (S4.12).
type ownedChair struct {
	ID                     string `json:"id"`
	Name                   string `json:"name"`
	Model                  string `json:"model"`
	Active                 bool   `json:"active"`
	RegisteredAt           int64  `json:"registered_at"`
	TotalDistance          int64  `json:"total_distance"`
	TotalDistanceUpdatedAt int64  `json:"total_distance_updated_at,omitempty"`
}

func (a *API) ownerChairs(c call, o *state.Owner) error {
	items := []ownedChair{}
	for _, chair := range o.Chairs() {
		v := chair.View()
		items = append(items, ownedChair{
			ID: chair.ID, Name: chair.Name(), Model: chair.Model(), Active: v.Active, RegisteredAt: chair.RegisteredAt().Milli(),
			TotalDistance: v.Track.Distance, TotalDistanceUpdatedAt: v.Track.Reported.Milli(),
		})
	}
	return c.object(200, map[string]any{"chairs": items})
}

type chairSales struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Sales int    `json:"sales"`
}

type modelSales struct {
	Model string `json:"model"`
	Sales int    `json:"sales"`
}

func (a *API) ownerSales(c call, o *state.Owner) error {
	since, until, err := c.window()
	if err != nil {
		return err
	}
	total, chairs, models := 0, []chairSales{}, []modelSales{}
	place := map[string]int{} // of a model in models
	for _, chair := range o.Chairs() {
		sales := chair.Sales(since, until)
		total += sales
		chairs = append(chairs, chairSales{chair.ID, chair.Name(), sales})
		i, ok := place[chair.Model()]
		if !ok {
			i = len(models)
			place[chair.Model()] = i
			models = append(models, modelSales{Model: chair.Model()})
		}
		models[i].Sales += sales
	}
	return c.object(200, struct {
		TotalSales int          `json:"total_sales"`
		Chairs     []chairSales `json:"chairs"`
		Models     []modelSales `json:"models"`
	}{total, chairs, models})
}

// window returns the time between since and until, both in milliseconds; until is
// inclusive to the end of its millisecond (S4.13).
func (c call) window() (since, until isuride.Time, err error) {
	const far = math.MaxInt64 / 1000 // beyond it, microseconds overflow
	from, _, err := c.queryInt("since", 64)
	if err != nil {
		return 0, 0, err
	}
	to, ok, err := c.queryInt("until", 64)
	if err != nil {
		return 0, 0, err
	}
	if !ok {
		to = far - 1
	}
	from, to = min(max(from, -far), far-1), min(max(to, -far), far-1)
	return isuride.Time(from * 1000), isuride.Time(to*1000 + 999), nil
}
