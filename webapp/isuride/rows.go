package isuride

// The rows below are those of S2.2, one type a table. In every nullable column
// the zero value is NULL.

// Setting is a row of settings.
type Setting struct{ Name, Value string }

// PaymentGatewayURL names the one setting in use.
const PaymentGatewayURL = "payment_gateway_url"

// ChairModel is a row of chair_models. Speed is in distance units per tick.
type ChairModel struct {
	Name  string
	Speed int
}

// UnknownModelSpeed is assumed for chairs whose model is not in the table (S2.3).
const UnknownModelSpeed = 2

// Owner is a row of owners.
type Owner struct {
	ID, Name                        string
	AccessToken, ChairRegisterToken string
	CreatedAt, UpdatedAt            Time
}

// Chair is a row of chairs.
type Chair struct {
	ID, OwnerID, Name, Model string
	IsActive                 bool
	AccessToken              string
	CreatedAt, UpdatedAt     Time
}

// ChairLocation is a row of chair_locations: one position report.
type ChairLocation struct {
	ID, ChairID string
	Coordinate
	CreatedAt Time
}

// ChairDistance is a row of chair_distances: what is known of a chair's first reports,
// whose rows are deleted.
type ChairDistance struct {
	ChairID    string
	Total      int64 // sum of the distances between them
	Coordinate       // of the last one
	ReportedAt Time  // its time
}

// User is a row of users.
type User struct {
	ID, Username, Firstname, Lastname        string
	DateOfBirth, AccessToken, InvitationCode string
	CreatedAt, UpdatedAt                     Time
}

// PaymentToken is a row of payment_tokens.
type PaymentToken struct {
	UserID, Token string
	CreatedAt     Time
}

// Ride is a row of rides. ChairID is nullable until a chair is assigned, Evaluation
// (1 to 5) until the ride is rated.
type Ride struct {
	ID, UserID, ChairID  string
	Pickup, Destination  Coordinate
	Evaluation           int
	CreatedAt, UpdatedAt Time
}

// RideStatus is a row of ride_statuses. AppSentAt and ChairSentAt are nullable: the
// time of the first delivery to the user and to the chair (S6.4).
type RideStatus struct {
	ID, RideID             string
	Status                 Status
	CreatedAt              Time
	AppSentAt, ChairSentAt Time
}

// Coupon is a row of coupons. Discount is in yen; UsedBy, nullable, the ride that
// consumed it.
type Coupon struct {
	UserID, Code string
	Discount     int
	CreatedAt    Time
	UsedBy       string
}

// Totals are the books in sums: part of the row of journal_position, beside the position that
// they belong to. All but the first two are in yen.
type Totals struct {
	Requested, Completed int64 // rides
	Owed                 int64 // fares of all rides that were requested
	Paid                 int64 // fares of those that are completed
	Discounts            int64 // what coupons took off the fares of all rides
	Sales                int64 // full fares of completed rides
	UnderWay             int64 // full fares of the others
	Issued, Used         int64 // worth of coupons, a surplus over the fare included
}

// Sub returns what t has more than o.
func (t Totals) Sub(o Totals) Totals {
	return Totals{t.Requested - o.Requested, t.Completed - o.Completed, t.Owed - o.Owed, t.Paid - o.Paid, t.Discounts - o.Discounts,
		t.Sales - o.Sales, t.UnderWay - o.UnderWay, t.Issued - o.Issued, t.Used - o.Used}
}

// Add returns the sums of both.
func (t Totals) Add(o Totals) Totals { return t.Sub(Totals{}.Sub(o)) }

// Each yields the names and amounts.
func (t Totals) Each(yield func(name string, amount int64) bool) {
	for _, f := range [...]struct {
		name   string
		amount int64
	}{
		{"rides requested", t.Requested}, {"rides completed", t.Completed}, {"riders owed", t.Owed}, {"riders paid", t.Paid},
		{"discounts given", t.Discounts}, {"owners' sales", t.Sales}, {"sales under way", t.UnderWay},
		{"coupons issued", t.Issued}, {"coupons used", t.Used},
	} {
		if !yield(f.name, f.amount) {
			return
		}
	}
}

// Yen yields the names and amounts of those that are yen.
func (t Totals) Yen(yield func(account string, yen int64) bool) {
	rides := 2
	for name, amount := range t.Each {
		if rides--; rides < 0 && !yield(name, amount) {
			return
		}
	}
}

// Tables holds rows of all tables: a whole database, the content of a dump, or the
// rows that one cut of the write-behind changes.
type Tables struct {
	Settings       []Setting
	ChairModels    []ChairModel
	Owners         []Owner
	Chairs         []Chair
	ChairLocations []ChairLocation
	ChairDistances []ChairDistance
	Users          []User
	PaymentTokens  []PaymentToken
	Rides          []Ride
	RideStatuses   []RideStatus
	Coupons        []Coupon

	// Totals are the sums of a cut, at the position that it reaches; nil if they are not known.
	Totals *Totals
	// Chain is the chain of hashes over the log at that position; nil if there is none.
	Chain *Chain
}

// Link is a place in the log with the hash of all that is before it.
type Link struct {
	Position uint64
	Hash     string // hexadecimal; "" where a chain begins
}

// Chain is what a cut adds to the chain of hashes.
type Chain struct {
	Head  Link   // at the position of the cut
	Ended []Link // places that are kept, to compare parts of the log with
	// Oldest is the first record that the log still has: links before it are of no use.
	Oldest uint64
}

// Rows counts the rows of all tables.
func (t *Tables) Rows() int {
	return len(t.Settings) + len(t.ChairModels) + len(t.Owners) + len(t.Chairs) + len(t.ChairLocations) + len(t.ChairDistances) +
		len(t.Users) + len(t.PaymentTokens) + len(t.Rides) + len(t.RideStatuses) + len(t.Coupons)
}
