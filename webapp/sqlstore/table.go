package sqlstore

import (
	"slices"
	"strings"

	"isuride/webapp/isuride"
)

// table describes one of the tables with rows of the domain, the ten of the contest and
// one of our own: its columns, and where the domain keeps them. The one description
// serves dumps, loading and writing in both dialects.
type table struct {
	name    string
	own     bool // the contest's schema does not have it
	columns []column
	// rows counts the table's rows in t.
	rows func(t *isuride.Tables) int
	// fields appends pointers to the fields of row i, in the order of the columns.
	fields func(dst []any, t *isuride.Tables, i int) []any
	// grow appends an empty row.
	grow func(t *isuride.Tables)
}

type column struct {
	name     string
	nullable bool
	key      bool // part of the primary key
}

// tables lists all, parents before children, in which order they are written.
var tables = []table{
	newTable("settings", "*name value",
		func(t *isuride.Tables) *[]isuride.Setting { return &t.Settings },
		func(dst []any, r *isuride.Setting) []any { return append(dst, &r.Name, &r.Value) }),
	newTable("chair_models", "*name speed",
		func(t *isuride.Tables) *[]isuride.ChairModel { return &t.ChairModels },
		func(dst []any, r *isuride.ChairModel) []any { return append(dst, &r.Name, &r.Speed) }),
	newTable("owners", "*id name access_token chair_register_token created_at updated_at",
		func(t *isuride.Tables) *[]isuride.Owner { return &t.Owners },
		func(dst []any, r *isuride.Owner) []any {
			return append(dst, &r.ID, &r.Name, &r.AccessToken, &r.ChairRegisterToken, &r.CreatedAt, &r.UpdatedAt)
		}),
	newTable("users", "*id username firstname lastname date_of_birth access_token invitation_code created_at updated_at",
		func(t *isuride.Tables) *[]isuride.User { return &t.Users },
		func(dst []any, r *isuride.User) []any {
			return append(dst, &r.ID, &r.Username, &r.Firstname, &r.Lastname, &r.DateOfBirth,
				&r.AccessToken, &r.InvitationCode, &r.CreatedAt, &r.UpdatedAt)
		}),
	newTable("payment_tokens", "*user_id token created_at",
		func(t *isuride.Tables) *[]isuride.PaymentToken { return &t.PaymentTokens },
		func(dst []any, r *isuride.PaymentToken) []any { return append(dst, &r.UserID, &r.Token, &r.CreatedAt) }),
	newTable("chairs", "*id owner_id name model is_active access_token created_at updated_at",
		func(t *isuride.Tables) *[]isuride.Chair { return &t.Chairs },
		func(dst []any, r *isuride.Chair) []any {
			return append(dst, &r.ID, &r.OwnerID, &r.Name, &r.Model, &r.IsActive, &r.AccessToken, &r.CreatedAt, &r.UpdatedAt)
		}),
	newTable("chair_locations", "*id chair_id latitude longitude created_at",
		func(t *isuride.Tables) *[]isuride.ChairLocation { return &t.ChairLocations },
		func(dst []any, r *isuride.ChairLocation) []any {
			return append(dst, &r.ID, &r.ChairID, &r.Latitude, &r.Longitude, &r.CreatedAt)
		}),
	own(newTable(distanceTable, "*chair_id total_distance latitude longitude reported_at",
		func(t *isuride.Tables) *[]isuride.ChairDistance { return &t.ChairDistances },
		func(dst []any, r *isuride.ChairDistance) []any {
			return append(dst, &r.ChairID, &r.Total, &r.Latitude, &r.Longitude, &r.ReportedAt)
		})),
	newTable("rides", "*id user_id chair_id? pickup_latitude pickup_longitude "+
		"destination_latitude destination_longitude evaluation? created_at updated_at",
		func(t *isuride.Tables) *[]isuride.Ride { return &t.Rides },
		func(dst []any, r *isuride.Ride) []any {
			return append(dst, &r.ID, &r.UserID, &r.ChairID, &r.Pickup.Latitude, &r.Pickup.Longitude,
				&r.Destination.Latitude, &r.Destination.Longitude, &r.Evaluation, &r.CreatedAt, &r.UpdatedAt)
		}),
	newTable("ride_statuses", "*id ride_id status created_at app_sent_at? chair_sent_at?",
		func(t *isuride.Tables) *[]isuride.RideStatus { return &t.RideStatuses },
		func(dst []any, r *isuride.RideStatus) []any {
			return append(dst, &r.ID, &r.RideID, &r.Status, &r.CreatedAt, &r.AppSentAt, &r.ChairSentAt)
		}),
	newTable("coupons", "*user_id *code discount created_at used_by?",
		func(t *isuride.Tables) *[]isuride.Coupon { return &t.Coupons },
		func(dst []any, r *isuride.Coupon) []any {
			return append(dst, &r.UserID, &r.Code, &r.Discount, &r.CreatedAt, &r.UsedBy)
		}),
}

// newTable describes a table by the names of its columns, a key marked with a star in
// front and a nullable column with a question mark after it.
func newTable[R any](name, columns string, rows func(*isuride.Tables) *[]R, fields func([]any, *R) []any) table {
	return table{
		name:    name,
		columns: parseColumns(columns),
		rows:    func(t *isuride.Tables) int { return len(*rows(t)) },
		fields:  func(dst []any, t *isuride.Tables, i int) []any { return fields(dst, &(*rows(t))[i]) },
		grow: func(t *isuride.Tables) {
			var row R
			*rows(t) = append(*rows(t), row)
		},
	}
}

func own(t table) table {
	t.own = true
	return t
}

// tableOf returns the description of a table.
func tableOf(name string) *table {
	return &tables[slices.IndexFunc(tables, func(t table) bool { return t.name == name })]
}

func parseColumns(list string) []column {
	var columns []column
	for _, word := range strings.Fields(list) {
		name := strings.Trim(word, "*?")
		columns = append(columns, column{name: name, key: word[0] == '*', nullable: strings.HasSuffix(word, "?")})
	}
	return columns
}

func (t *table) columnNames() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

func (t *table) keyNames() []string {
	var names []string
	for _, c := range t.columns {
		if c.key {
			names = append(names, c.name)
		}
	}
	return names
}

// insert returns the beginning of an INSERT statement, before the rows. The suffix
// belongs to the table's name.
func (t *table) insert(suffix string) string {
	return "INSERT INTO " + t.name + suffix + " (" + strings.Join(t.columnNames(), ", ") + ") VALUES "
}

// index returns the position of the column in the table.
func (t *table) index(c *column) int {
	return slices.IndexFunc(t.columns, func(own column) bool { return own.name == c.name })
}
