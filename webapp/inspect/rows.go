package inspect

import (
	"fmt"

	"isuride/webapp/isuride"
)

// field is a column of a row. Its value is a string, an integer, a bool, a time or a
// coordinate.
type field struct {
	name  string
	value any
}

// secret is a text that only Options.Secrets shows.
type secret string

// row is an image of a row in an event.
type row struct {
	name   string
	fields []field
}

// rowsOf returns the rows of an event but for its coupons.
func rowsOf(e *isuride.Event) (rows []row) {
	add := func(name string, fields ...field) { rows = append(rows, row{name, fields}) }
	if r := e.Owner; r != nil {
		add("owner", field{"id", r.ID}, field{"name", r.Name}, field{"access_token", secret(r.AccessToken)},
			field{"chair_register_token", secret(r.ChairRegisterToken)}, field{"created_at", r.CreatedAt}, field{"updated_at", r.UpdatedAt})
	}
	if r := e.Chair; r != nil {
		add("chair", field{"id", r.ID}, field{"owner_id", r.OwnerID}, field{"name", r.Name}, field{"model", r.Model}, field{"is_active", r.IsActive},
			field{"access_token", secret(r.AccessToken)}, field{"created_at", r.CreatedAt}, field{"updated_at", r.UpdatedAt})
	}
	if r := e.Location; r != nil {
		add("location", field{"id", r.ID}, field{"chair_id", r.ChairID}, field{"at", r.Coordinate}, field{"created_at", r.CreatedAt})
	}
	if r := e.User; r != nil {
		add("user", field{"id", r.ID}, field{"username", r.Username}, field{"firstname", r.Firstname}, field{"lastname", r.Lastname},
			field{"date_of_birth", r.DateOfBirth}, field{"access_token", secret(r.AccessToken)}, field{"invitation_code", r.InvitationCode},
			field{"created_at", r.CreatedAt}, field{"updated_at", r.UpdatedAt})
	}
	if r := e.Token; r != nil {
		add("payment_token", field{"user_id", r.UserID}, field{"token", secret(r.Token)}, field{"created_at", r.CreatedAt})
	}
	if r := e.Ride; r != nil {
		add("ride", field{"id", r.ID}, field{"user_id", r.UserID}, field{"chair_id", r.ChairID}, field{"pickup", r.Pickup},
			field{"destination", r.Destination}, field{"evaluation", r.Evaluation}, field{"created_at", r.CreatedAt}, field{"updated_at", r.UpdatedAt})
	}
	if r := e.Status; r != nil {
		add("status", field{"id", r.ID}, field{"ride_id", r.RideID}, field{"status", r.Status.String()}, field{"created_at", r.CreatedAt},
			field{"app_sent_at", r.AppSentAt}, field{"chair_sent_at", r.ChairSentAt})
	}
	if r := e.Charge; r != nil {
		add("charge", field{"ride_id", r.RideID}, field{"evaluation", r.Evaluation})
	}
	if r := e.Hash; r != nil {
		add("hash", field{"at", r.At}, field{"position", int(r.Position)}, field{"form", int(r.Form)}, field{"sum", fmt.Sprintf("%016x%016x", r.Hi, r.Lo)}, field{"released", int(r.Released)})
	}
	if r := e.Begin; r != nil {
		add("begin", field{"at", r.At}, field{"generation", int(r.Generation)}, field{"payment_server", r.PaymentServer}, field{"data", r.Data})
	}
	return rows
}

func couponRow(c *isuride.Coupon) row {
	return row{"coupon", []field{{"user_id", c.UserID}, {"code", c.Code}, {"discount", c.Discount}, {"created_at", c.CreatedAt}, {"used_by", c.UsedBy}}}
}

// absent reports whether the value is NULL or empty, and not shown.
func absent(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case secret:
		return v == ""
	case int:
		return v == 0
	case isuride.Time:
		return v == 0
	}
	return false
}

// hidden is what is shown of a secret.
const hidden = "(hidden)"

func (p *printer) reveal(value any) any {
	s, ok := value.(secret)
	switch {
	case !ok:
		return value
	case p.options.Secrets:
		return string(s)
	}
	return hidden
}
