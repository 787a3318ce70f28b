package api

import (
	"fmt"

	"isuride/webapp/isuride"
)

// maxSettingBytes is the capacity of the column settings.value (S2.2).
const maxSettingBytes = 65535

// initialize begins a new generation on the initial data (S4.1, S9.1).
func (a *API) initialize(c call) error {
	var body struct {
		PaymentServer string `json:"payment_server"`
	}
	if err := c.decode(&body); err != nil {
		return err
	}
	switch {
	case body.PaymentServer == "":
		return isuride.Errorf(isuride.InvalidInput, "payment_server is required")
	case len(body.PaymentServer) > maxSettingBytes:
		return isuride.Errorf(isuride.InvalidInput, "payment_server is longer than %d bytes", maxSettingBytes)
	}
	if err := a.engine.Initialize(body.PaymentServer, c.Gone); err != nil {
		return fmt.Errorf("initialize: %w", err)
	}
	return c.object(200, map[string]string{"language": "go"})
}

// match does one round of matching in each region, besides the server's own loops
// (S7.1).
func (a *API) match(c call) error {
	if err := c.gen.Match(); err != nil {
		return err
	}
	c.noContent()
	return nil
}
