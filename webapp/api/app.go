package api

import (
	"encoding/json"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
	"isuride/webapp/wire"
)

// object answers with v as JSON. It is for what is not hot.
func (c call) object(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.json(status, body)
	return nil
}

func (a *API) registerUser(c call) error {
	var body struct {
		Username       string `json:"username"`
		Firstname      string `json:"firstname"`
		Lastname       string `json:"lastname"`
		DateOfBirth    string `json:"date_of_birth"`
		InvitationCode string `json:"invitation_code"`
	}
	if err := c.decode(&body); err != nil {
		return err
	}
	inBody, err := c.tokenInBody()
	if err != nil {
		return err
	}
	u, err := c.gen.Store.RegisterUser(state.NewUser(body))
	if err != nil {
		return err
	}
	a.opt.Gate.Begins(u.AccessToken)
	token := c.login(userSession, u.AccessToken, inBody)
	return c.object(201, struct {
		ID             string `json:"id"`
		InvitationCode string `json:"invitation_code"`
		AccessToken    string `json:"access_token,omitempty"`
	}{u.ID, u.InvitationCode, token})
}

func (a *API) setPaymentMethod(c call, u *state.User) error {
	var body struct {
		Token string `json:"token"`
	}
	if err := c.decode(&body); err != nil {
		return err
	}
	if err := c.gen.Store.SetPaymentToken(u, body.Token); err != nil {
		return err
	}
	c.noContent()
	return nil
}

func (a *API) rideHistory(c call, u *state.User) error {
	body := wire.AppendHistoryOpen(c.Out(0))
	u.History(func(r state.CompletedRide) {
		body = wire.AppendHistoryRide(body, &wire.HistoryRide{
			ID: r.ID, Pickup: r.Pickup, Destination: r.Destination, Fare: r.Fare,
			ChairID: r.Chair.ID, ChairOwner: r.Chair.Owner.Name, ChairName: r.Chair.Name(), ChairModel: r.Chair.Model(),
			Evaluation: r.Evaluation, RequestedAt: r.CreatedAt, CompletedAt: r.CompletedAt,
		})
	})
	c.json(200, wire.AppendHistoryClose(body))
	return nil
}

func (a *API) requestRide(c call, u *state.User) error {
	pickup, destination, err := c.journey()
	if err != nil {
		return err
	}
	r, err := c.gen.Store.RequestRide(u, pickup, destination)
	if err != nil {
		return err
	}
	return c.object(202, struct {
		RideID string `json:"ride_id"`
		Fare   int    `json:"fare"`
	}{r.ID, r.Fare})
}

func (a *API) estimateFare(c call, u *state.User) error {
	pickup, destination, err := c.journey()
	if err != nil {
		return err
	}
	fare, discount := u.Estimate(pickup, destination)
	return c.object(200, struct {
		Fare     int `json:"fare"`
		Discount int `json:"discount"`
	}{fare, discount})
}

// rate answers once the money is taken and the ride completed. The chair becomes free
// when the answer has been handed to the socket.
func (a *API) rate(c call, u *state.User) error {
	var body struct {
		Evaluation int `json:"evaluation"`
	}
	if err := c.decode(&body); err != nil {
		return err
	}
	completedAt, release, err := c.gen.Rate(u, c.rideID, body.Evaluation)
	if err != nil {
		return err
	}
	c.AfterWrite(func(error) { release() })
	return c.object(200, map[string]int64{"completed_at": completedAt.Milli()})
}

// defaultDistance is the radius of nearby if the caller does not give one (S4.10).
const defaultDistance = 50

func (a *API) nearbyChairs(c call, _ *state.User) error {
	latitude, err := c.requiredInt("latitude")
	if err != nil {
		return err
	}
	longitude, err := c.requiredInt("longitude")
	if err != nil {
		return err
	}
	distance, ok, err := c.queryInt("distance", 64)
	if err != nil {
		return err
	}
	if !ok {
		distance = defaultDistance
	}
	body := wire.AppendNearbyOpen(c.Out(0))
	here := isuride.Coordinate{Latitude: latitude, Longitude: longitude}
	for f := range c.gen.Store.Nearby(here, int(distance)) {
		body = wire.AppendNearbyChair(body, f.Description, f.At)
	}
	c.json(200, wire.AppendNearbyClose(body, c.gen.Now()))
	return nil
}

func (c call) requiredInt(name string) (int32, error) {
	n, ok, err := c.queryInt(name, 32)
	if err == nil && !ok {
		err = isuride.Errorf(isuride.InvalidInput, "%s is required", name)
	}
	return int32(n), err
}
