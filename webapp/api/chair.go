package api

import (
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
	chair, err := c.gen.Store.RegisterChair(body.RegisterToken, body.Name, body.Model)
	if err != nil {
		return err
	}
	c.login("chair_session", chair.AccessToken())
	return c.object(201, struct {
		ID      string `json:"id"`
		OwnerID string `json:"owner_id"`
	}{chair.ID, chair.Owner.ID})
}

func (a *API) setActivity(c call, chair *state.Chair) error {
	var body struct {
		IsActive bool `json:"is_active"`
	}
	if err := c.decode(&body); err != nil {
		return err
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
	at, err := wire.ParseCoordinate(c.Body())
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

func (a *API) advance(c call, chair *state.Chair) error {
	to, err := wire.ParseRideStatus(c.Body())
	if err != nil {
		return err
	}
	if err := c.gen.Store.Advance(chair, c.rideID, to); err != nil {
		return err
	}
	c.noContent()
	return nil
}
