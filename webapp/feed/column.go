package feed

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"isuride/webapp/isuride"
)

// tableID is a table of the feed.
type tableID uint8

const (
	users tableID = iota
	owners
	chairs
	positions
	rides
	statuses
	coupons
	payments
	matches
	city
	server
	tableCount
)

// classSet is a set of viewer classes, one bit each.
type classSet uint8

const (
	public   = 1 << Public
	user     = 1 << User
	owner    = 1 << Owner
	chair    = 1 << Chair
	operator = 1 << Operator
	everyone = public | user | owner | chair | operator
)

func (s classSet) has(c Class) bool { return s&(1<<c) != 0 }

var classNames = [classes]string{"public", "user", "owner", "chair", "operator"}

// String returns the class in a word.
func (c Class) String() string { return classNames[c] }

// row is what a table's columns are read from: the rows of an event or an image, and what
// was made of them. Nothing of it is kept.
type row struct {
	user     *isuride.User
	owner    *isuride.Owner
	chair    *isuride.Chair
	location *isuride.ChairLocation
	ride     *isuride.Ride
	coupon   *isuride.Coupon
	why      *isuride.Why

	fare     int            // of the ride, in yen
	status   isuride.Status // of the ride
	statusAt isuride.Time
	rideID   string // of status, payment and match
	userID   string // of the payment's and the status's ride
	chairID  string // of the match
	at       isuride.Time
	paid     bool
	id       string // pseudonym, in the city and of a coupon
	of       string // pseudonym of the ride, or of its chair
	place    isuride.Coordinate
	placed   bool // the chair has reported a position
	active   bool
	speed    int // units of distance a tick
	figures  *Figures
}

// column is one member of a row's object. Only classes that it names are sent it.
type column struct {
	name string
	// of is the field that it shows, as "User.ID"; what is made from several, or hides one,
	// names those in derived.
	of     string
	see    classSet
	append func(dst []byte, r *row) []byte
}

// table is one table of the feed.
type table struct {
	name    string
	keys    []string
	ids     []string // columns that a filter may name
	see     classSet
	log     bool // rows are only ever inserted, and none is in a partial
	live    bool // not of the log of events, see board
	columns []column
}

// has returns the column's place.
func (t *table) has(name string) (int, bool) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	return i, i >= 0
}

// tables lists what each class of viewers may see, column by column. What is not listed here
// is never sent. Secrets are in no column: TestColumns has the list of what is withheld, and
// fails for a new field of a row that is in neither.
var tables = [tableCount]table{
	users: {name: "users", keys: []string{"id"}, ids: []string{"id"}, see: user | operator, columns: []column{
		{"id", "User.ID", user | operator, func(b []byte, r *row) []byte { return appendString(b, r.user.ID) }},
		{"username", "User.Username", user | operator, func(b []byte, r *row) []byte { return appendString(b, r.user.Username) }},
		{"firstname", "User.Firstname", user | operator, func(b []byte, r *row) []byte { return appendString(b, r.user.Firstname) }},
		{"lastname", "User.Lastname", user | operator, func(b []byte, r *row) []byte { return appendString(b, r.user.Lastname) }},
		{"date_of_birth", "User.DateOfBirth", user | operator, func(b []byte, r *row) []byte { return appendString(b, r.user.DateOfBirth) }},
		{"created_at", "User.CreatedAt", user | operator, func(b []byte, r *row) []byte { return appendTime(b, r.user.CreatedAt) }},
		{"updated_at", "User.UpdatedAt", user | operator, func(b []byte, r *row) []byte { return appendTime(b, r.user.UpdatedAt) }},
	}},
	owners: {name: "owners", keys: []string{"id"}, ids: []string{"id"}, see: owner | operator, columns: []column{
		{"id", "Owner.ID", owner | operator, func(b []byte, r *row) []byte { return appendString(b, r.owner.ID) }},
		{"name", "Owner.Name", owner | operator, func(b []byte, r *row) []byte { return appendString(b, r.owner.Name) }},
		{"created_at", "Owner.CreatedAt", owner | operator, func(b []byte, r *row) []byte { return appendTime(b, r.owner.CreatedAt) }},
		{"updated_at", "Owner.UpdatedAt", owner | operator, func(b []byte, r *row) []byte { return appendTime(b, r.owner.UpdatedAt) }},
	}},
	chairs: {name: "chairs", keys: []string{"id"}, ids: []string{"id", "owner_id", "city_id"}, see: owner | chair | operator, columns: []column{
		{"id", "Chair.ID", owner | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.chair.ID) }},
		{"owner_id", "Chair.OwnerID", owner | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.chair.OwnerID) }},
		{"name", "Chair.Name", owner | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.chair.Name) }},
		{"model", "Chair.Model", owner | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.chair.Model) }},
		{"is_active", "Chair.IsActive", owner | chair | operator, func(b []byte, r *row) []byte { return strconv.AppendBool(b, r.chair.IsActive) }},
		{"city_id", derived, owner | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.id) }},
		{"created_at", "Chair.CreatedAt", owner | chair | operator, func(b []byte, r *row) []byte { return appendTime(b, r.chair.CreatedAt) }},
		{"updated_at", "Chair.UpdatedAt", owner | chair | operator, func(b []byte, r *row) []byte { return appendTime(b, r.chair.UpdatedAt) }},
	}},
	positions: {name: "positions", keys: []string{"chair_id"}, ids: []string{"chair_id"}, see: owner | chair | operator, columns: []column{
		{"chair_id", "ChairLocation.ChairID", owner | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.location.ChairID) }},
		{"latitude", "ChairLocation.Latitude", owner | chair | operator, func(b []byte, r *row) []byte { return appendPlace(b, r.location.Latitude, r.location.CreatedAt != 0) }},
		{"longitude", "ChairLocation.Longitude", owner | chair | operator, func(b []byte, r *row) []byte { return appendPlace(b, r.location.Longitude, r.location.CreatedAt != 0) }},
		{"recorded_at", "ChairLocation.CreatedAt", owner | chair | operator, func(b []byte, r *row) []byte { return appendTime(b, r.location.CreatedAt) }},
	}},
	rides: {name: "rides", keys: []string{"id"}, ids: []string{"id", "user_id", "chair_id", "city_id"}, see: user | chair | operator, columns: []column{
		{"id", "Ride.ID", user | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.ride.ID) }},
		{"user_id", "Ride.UserID", user | operator, func(b []byte, r *row) []byte { return appendString(b, r.ride.UserID) }},
		{"chair_id", "Ride.ChairID", user | chair | operator, func(b []byte, r *row) []byte { return appendNullable(b, r.ride.ChairID) }},
		{"pickup_latitude", "Ride.Pickup.Latitude", user | chair | operator, func(b []byte, r *row) []byte { return appendInt(b, r.ride.Pickup.Latitude) }},
		{"pickup_longitude", "Ride.Pickup.Longitude", user | chair | operator, func(b []byte, r *row) []byte { return appendInt(b, r.ride.Pickup.Longitude) }},
		{"destination_latitude", "Ride.Destination.Latitude", user | chair | operator, func(b []byte, r *row) []byte { return appendInt(b, r.ride.Destination.Latitude) }},
		{"destination_longitude", "Ride.Destination.Longitude", user | chair | operator, func(b []byte, r *row) []byte { return appendInt(b, r.ride.Destination.Longitude) }},
		{"fare", derived, user | operator, func(b []byte, r *row) []byte { return appendInt(b, r.fare) }},
		{"evaluation", "Ride.Evaluation", user | operator, func(b []byte, r *row) []byte { return appendNumberOrNull(b, r.ride.Evaluation) }},
		{"city_id", derived, user | operator, func(b []byte, r *row) []byte { return appendString(b, r.id) }},
		{"created_at", "Ride.CreatedAt", user | chair | operator, func(b []byte, r *row) []byte { return appendTime(b, r.ride.CreatedAt) }},
		{"updated_at", "Ride.UpdatedAt", user | chair | operator, func(b []byte, r *row) []byte { return appendTime(b, r.ride.UpdatedAt) }},
	}},
	statuses: {name: "statuses", keys: []string{"ride_id"}, ids: []string{"ride_id", "user_id"}, see: user | chair | operator, columns: []column{
		{"ride_id", "RideStatus.RideID", user | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.rideID) }},
		{"user_id", derived, user | operator, func(b []byte, r *row) []byte { return appendString(b, r.userID) }},
		{"status", "RideStatus.Status", user | chair | operator, func(b []byte, r *row) []byte { return appendString(b, r.status.String()) }},
		{"created_at", "RideStatus.CreatedAt", user | chair | operator, func(b []byte, r *row) []byte { return appendTime(b, r.statusAt) }},
	}},
	coupons: {name: "coupons", keys: []string{"id"}, ids: []string{"id", "user_id"}, see: user | operator, columns: []column{
		{"id", derived, user | operator, func(b []byte, r *row) []byte { return appendString(b, r.id) }},
		{"user_id", "Coupon.UserID", user | operator, func(b []byte, r *row) []byte { return appendString(b, r.coupon.UserID) }},
		{"kind", derived, user | operator, func(b []byte, r *row) []byte { return appendString(b, couponKind(r.coupon.Code)) }},
		{"discount", "Coupon.Discount", user | operator, func(b []byte, r *row) []byte { return appendInt(b, r.coupon.Discount) }},
		{"used_by", "Coupon.UsedBy", user | operator, func(b []byte, r *row) []byte { return appendNullable(b, r.coupon.UsedBy) }},
		{"created_at", "Coupon.CreatedAt", user | operator, func(b []byte, r *row) []byte { return appendTime(b, r.coupon.CreatedAt) }},
	}},
	payments: {name: "payments", keys: []string{"ride_id"}, ids: []string{"ride_id", "user_id"}, see: user | operator, columns: []column{
		{"ride_id", "Charge.RideID", user | operator, func(b []byte, r *row) []byte { return appendString(b, r.rideID) }},
		{"user_id", derived, user | operator, func(b []byte, r *row) []byte { return appendString(b, r.userID) }},
		{"amount", derived, user | operator, func(b []byte, r *row) []byte { return appendInt(b, r.fare) }},
		{"state", derived, user | operator, func(b []byte, r *row) []byte { return appendString(b, paymentState(r.paid)) }},
		{"paid_at", derived, user | operator, func(b []byte, r *row) []byte { return appendTime(b, r.at) }},
	}},
	matches: {name: "matches", keys: []string{"ride_id"}, ids: []string{"ride_id", "chair_id"}, see: operator, log: true, columns: []column{
		{"ride_id", derived, operator, func(b []byte, r *row) []byte { return appendString(b, r.rideID) }},
		{"chair_id", derived, operator, func(b []byte, r *row) []byte { return appendString(b, r.chairID) }},
		{"matched_at", derived, operator, func(b []byte, r *row) []byte { return appendTime(b, r.at) }},
		{"class", "Why.Class", operator, whyColumn(func(b []byte, w *isuride.Why) []byte { return appendString(b, w.Class.String()) })},
		{"trip", "Why.Trip", operator, whyColumn(func(b []byte, w *isuride.Why) []byte { return appendInt(b, w.Trip) })},
		{"age", "Why.Age", operator, whyColumn(func(b []byte, w *isuride.Why) []byte { return appendInt(b, w.Age) })},
		{"pickup", "Why.Chosen.Pickup", operator, whyColumn(func(b []byte, w *isuride.Why) []byte { return appendInt(b, w.Chosen.Pickup) })},
		{"carry", "Why.Chosen.Carry", operator, whyColumn(func(b []byte, w *isuride.Why) []byte { return appendInt(b, w.Chosen.Carry) })},
		{"lost", "Why.Lost", operator, whyColumn(appendLost)},
	}},
	city: {name: "city", keys: []string{"id"}, ids: []string{"id", "kind"}, see: everyone, columns: []column{
		cityID:        {"id", derived, everyone, func(b []byte, r *row) []byte { return appendString(b, r.id) }},
		cityKind:      {"kind", derived, everyone, func(b []byte, r *row) []byte { return appendString(b, cityKindOf(r)) }},
		cityActive:    {"active", derived, everyone, func(b []byte, r *row) []byte { return strconv.AppendBool(b, r.active) }},
		citySpeed:     {"speed", derived, everyone, func(b []byte, r *row) []byte { return appendInt(b, r.speed) }},
		cityStatus:    {"status", derived, everyone, func(b []byte, r *row) []byte { return appendString(b, r.status.String()) }},
		citySince:     {"since", derived, everyone, func(b []byte, r *row) []byte { return appendTime(b, r.statusAt) }},
		cityChair:     {"chair", derived, everyone, func(b []byte, r *row) []byte { return appendNullable(b, r.of) }},
		cityLatitude:  {"latitude", derived, everyone, func(b []byte, r *row) []byte { return appendPlace(b, r.place.Latitude, r.placed) }},
		cityLongitude: {"longitude", derived, everyone, func(b []byte, r *row) []byte { return appendPlace(b, r.place.Longitude, r.placed) }},
	}},
	server: {name: "server", keys: []string{"name"}, live: true, see: everyone, columns: []column{
		{"name", derived, everyone, func(b []byte, r *row) []byte { return appendString(b, r.figures.Name) }},
		{"requests", derived, everyone, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Requests) }},
		{"report_p99", derived, everyone, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.ReportP99) }},
		{"sql_lag", derived, everyone, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.SQLLag) }},
		{"unsynced", derived, everyone, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Unsynced) }},
		{"replicas", derived, everyone, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Replicas) }},
		{"shedding", derived, everyone, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Shedding) }},
		{"balanced", derived, everyone, func(b []byte, r *row) []byte { return strconv.AppendBool(b, r.figures.Balanced) }},
		{"alerts", derived, operator, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Alerts) }},
		{"endpoints", derived, operator, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Endpoints) }},
		{"slow", derived, operator, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Slow) }},
		{"peers", derived, operator, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Peers) }},
		{"queues", derived, operator, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Queues) }},
		{"books", derived, operator, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Books) }},
		{"refused", derived, operator, func(b []byte, r *row) []byte { return appendJSON(b, r.figures.Refused) }},
	}},
}

// derived marks a column that is made of something else than one field of a row.
const derived = ""

// columnSet is a set of a table's columns, one bit each; 0 means all.
type columnSet uint16

// The columns of the city. A chair and a ride have some of them each, and an update brings
// those that it is about.
const (
	cityID = iota
	cityKind
	cityActive
	citySpeed
	cityStatus
	citySince
	cityChair
	cityLatitude
	cityLongitude

	cityWhere      columnSet = 1<<cityID | 1<<cityLatitude | 1<<cityLongitude
	cityActivity   columnSet = 1<<cityID | 1<<cityActive
	cityAssignment columnSet = 1<<cityID | 1<<cityChair
	cityProgress   columnSet = 1<<cityID | 1<<cityStatus | 1<<citySince
	cityOfChair    columnSet = cityWhere | cityActivity | 1<<cityKind | 1<<citySpeed
	cityOfRide     columnSet = cityWhere | cityAssignment | cityProgress | 1<<cityKind
)

// grid is the distance to which the places of the city are rounded.
const grid = 5

// farthest is the last place on the grid, either way.
const farthest = (1<<31 - 1) / grid * grid

// snap rounds a place to the grid.
func snap(c isuride.Coordinate) isuride.Coordinate {
	return isuride.Coordinate{Latitude: snapped(c.Latitude), Longitude: snapped(c.Longitude)}
}

func snapped(n int32) int32 {
	up := int64(n) + grid/2
	down := up % grid
	if down < 0 {
		down += grid
	}
	return int32(max(min(up-down, farthest), -farthest))
}

func cityKindOf(r *row) string {
	if r.status == 0 {
		return "chair"
	}
	return "ride"
}

// couponKind says of a code what it is for, without the invitation code in it.
func couponKind(code string) string {
	switch {
	case code == isuride.SignupCode:
		return "signup"
	case isuride.InvitationOf(code) != "":
		return "invitation"
	case strings.HasPrefix(code, "RWD_"):
		return "reward"
	}
	return "other"
}

func paymentState(paid bool) string {
	if paid {
		return "paid"
	}
	return "charging"
}

// whyColumn is null if the reasons are not known.
func whyColumn(f func([]byte, *isuride.Why) []byte) func([]byte, *row) []byte {
	return func(dst []byte, r *row) []byte {
		if r.why == nil {
			return append(dst, "null"...)
		}
		return f(dst, r.why)
	}
}

func appendLost(dst []byte, w *isuride.Why) []byte {
	dst = append(dst, '[')
	for i := range w.Lost {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendNullable(append(dst, `{"chair_id":`...), w.Lost[i].Chair.ID())
		dst = appendInt(append(dst, `,"pickup":`...), w.Lost[i].Pickup)
		dst = append(appendInt(append(dst, `,"carry":`...), w.Lost[i].Carry), '}')
	}
	return append(dst, ']')
}

// appendRow appends the object of a row for a class of viewers.
func (t *table) appendRow(dst []byte, r *row, c Class, which columnSet) []byte {
	dst = append(dst, '{')
	first := len(dst)
	for i := range t.columns {
		col := &t.columns[i]
		if !col.see.has(c) || which != 0 && which&(1<<i) == 0 {
			continue
		}
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), col.name...), `":`...)
		dst = col.append(dst, r)
	}
	return append(dst, '}')
}

// appendKey appends the object of a row that is gone. Every table has a key of one column.
func (t *table) appendKey(dst []byte, key string) []byte {
	dst = append(append(append(dst, `{"`...), t.keys[0]...), `":`...)
	return append(appendString(dst, key), '}')
}

func appendInt[N int | int32](dst []byte, n N) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// appendNumberOrNull appends null for 0.
func appendNumberOrNull(dst []byte, n int) []byte {
	if n == 0 {
		return append(dst, "null"...)
	}
	return appendInt(dst, n)
}

func appendPlace(dst []byte, n int32, placed bool) []byte {
	if !placed {
		return append(dst, "null"...)
	}
	return appendInt(dst, n)
}

// appendTime appends milliseconds, as all of the API; null for 0.
func appendTime(dst []byte, t isuride.Time) []byte {
	if t == 0 {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, t.Milli(), 10)
}

// appendNullable appends null for "".
func appendNullable(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

// appendString appends a string as JavaScript's JSON.stringify writes it, so that a reader
// can compute checksums: only quotes, backslashes and control characters are escaped. What is
// not UTF-8 becomes U+FFFD, as it does in every parser.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= ' ' && b != '"' && b != '\\' && b < utf8.RuneSelf {
			i++
			continue
		}
		if b >= utf8.RuneSelf {
			_, n := utf8.DecodeRuneInString(s[i:])
			if n == 1 {
				dst = append(append(dst, s[from:i]...), "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		dst = appendEscape(append(dst, s[from:i]...), b)
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, b byte) []byte {
	if i := strings.IndexByte("\"\\\b\f\n\r\t", b); i >= 0 {
		return append(dst, '\\', `"\bfnrt`[i])
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
}
