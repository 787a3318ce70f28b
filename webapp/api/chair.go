package api

import (
	"isuride/webapp/isuride"
	"isuride/webapp/state"
	"isuride/webapp/wire"
)

func (a *API) registerChair(c call) error {
	var body struct {
		Name          string `json:"name"`
		Model         string `json:"model"`
		RegisterToken string `json:"chair_register_token"`
	}
	if err := c.decode(&body); err != nil {
		return err
	}
	inBody, err := c.tokenInBody()
	if err != nil {
		return err
	}
	chair, err := c.gen.Store.RegisterChair(body.RegisterToken, body.Name, body.Model)
	if err != nil {
		return err
	}
	token := c.login(chairSession, chair.AccessToken(), inBody)
	return c.object(201, struct {
		ID          string `json:"id"`
		OwnerID     string `json:"owner_id"`
		AccessToken string `json:"access_token,omitempty"`
	}{chair.ID, chair.Owner.ID, token})
}

func (a *API) setActivity(c call, chair *state.Chair) error {
	var body struct {
		IsActive bool `json:"is_active"`
	}
	if err := c.decode(&body); err != nil {
		return err
	}
	if body.IsActive && !a.admitSwitchingOn(c) {
		return nil
	}
	if err := c.gen.Store.SetActivity(chair, body.IsActive); err != nil {
		return err
	}
	c.noContent()
	return nil
}

// report is the hottest path of all: one call a moving chair and tick. Nothing in it
// allocates or waits.
func (a *API) report(c call, chair *state.Chair) error {
	at, err := parseReport(c.Body())
	if err != nil {
		return err
	}
	recordedAt, err := c.gen.Store.Report(chair, at)
	if err != nil {
		return err
	}
	c.json(200, wire.AppendRecordedAt(c.Out(0), recordedAt))
	return nil
}

// parseReport reads the body of a position report (S4.16).
func parseReport(body []byte) (isuride.Coordinate, error) {
	if at, ok := wire.ParseCoordinate(body); ok { // fast path
		return at, nil
	}
	var p point
	if err := decode(body, &p); err != nil {
		return isuride.Coordinate{}, err
	}
	return p.coordinate(), nil
}

// advance takes any status name, and none at all, so far (S4.18): what the ride and the
// chair allow is judged first.
func (a *API) advance(c call, chair *state.Chair) error {
	var body struct {
		Status string `json:"status"`
	}
	if err := c.decode(&body); err != nil {
		return err
	}
	if err := c.gen.Store.Advance(chair, c.rideID, isuride.ParseStatus(body.Status)); err != nil {
		return err
	}
	c.noContent()
	return nil
}
