// Package world simulates the two towns of ISURIDE: their users, chairs and owners, what
// they do tick by tick, what they expect the server to answer, and the score they earn
// (B2 to B10, B12, B14).
//
// It is single-threaded and pure. One goroutine owns a World; the package starts no
// goroutine, takes no lock, reads no clock and opens no connection. Time, answers and
// notifications are handed in, each with the reading of the bench's clock at which it
// happened; requests leave through the client interfaces of this file. The same code
// therefore runs in real time over HTTP and in virtual time against a model server, and a
// run in virtual time depends on its seed alone.
//
// A turn is a chain of steps, each of which waits for a call or a lock. The tables of steps
// (userSteps, chairSteps, ownerSteps) say what each waits for and how it goes on;
// bench/docs/turn.md follows one turn to the server and back.
//
// What it leaves to others: HTTP, cookies, caches and decoding (the clients), the phases
// of a run and its timer (the drivers), the payment service (package payment, which asks
// World.VerifyPayment), and presentation.
package world

import "fmt"

// An Instant is a reading of the bench's clock, in microseconds since the Unix epoch.
type Instant int64

// Millis is a time as the server's API writes it, in milliseconds since the Unix epoch.
type Millis int64

// Lengths of time, to be added to an Instant.
const (
	Millisecond Instant = 1000
	Second              = 1000 * Millisecond
)

// Instant is the beginning of the millisecond m.
func (m Millis) Instant() Instant { return Instant(m) * Millisecond }

// Millis is the millisecond in which i lies.
func (i Instant) Millis() Millis { return Millis(i / Millisecond) }

// A Point is a place. X is the API's latitude, Y its longitude (B, "Conventions").
type Point struct {
	X int32 `json:"latitude"`
	Y int32 `json:"longitude"`
}

// A Status is a state of a ride, in the order in which a ride goes through them (B7.1).
type Status uint8

// The zero Status is for a name that the API does not know; such notifications are
// ignored (B9.3).
const (
	StatusUnknown Status = iota
	StatusMatching
	StatusEnroute
	StatusPickup
	StatusCarrying
	StatusArrived
	StatusCompleted
)

var statusNames = [...]string{"UNKNOWN", "MATCHING", "ENROUTE", "PICKUP", "CARRYING", "ARRIVED", "COMPLETED"}

// String is the name the API uses.
func (s Status) String() string { return statusNames[s] }

// ParseStatus returns the status with the given API name, or StatusUnknown.
func ParseStatus(name []byte) Status {
	for s := StatusMatching; s <= StatusCompleted; s++ {
		if string(name) == statusNames[s] {
			return s
		}
	}
	return StatusUnknown
}

// An EntityKind is one of the three kinds of simulated clients.
type EntityKind uint8

const (
	KindUser EntityKind = iota + 1
	KindChair
	KindOwner
)

var entityKindNames = [...]string{"none", "user", "chair", "owner"}

func (k EntityKind) String() string { return entityKindNames[k] }

// An Entity names one user, chair or owner of this run. Index counts each kind from 0 in
// order of creation and is never used twice, not even when a registration fails.
type Entity struct {
	Kind  EntityKind
	Index int32
}

// String reads like "chair 17".
func (e Entity) String() string { return fmt.Sprintf("%s %d", e.Kind, e.Index) }

// Clients makes the client of each new entity. An entity lives as long as the run; its
// client is closed when it is certain that it will not be used again.
type Clients interface {
	NewUser(Entity) UserClient
	NewChair(Entity) ChairClient
	NewOwner(Entity) OwnerClient
}

// Every method of a client that is documented with an event starts one request and
// returns at once. The client answers it by exactly one Event addressed to its entity, in
// success and in failure, after the limit of the call at the latest (B13.1). The event
// must reach World.Deliver later, on the goroutine of the World, never from inside the
// call. An entity has at most one such request under way, notifications not counted.
//
// A UserClient is the browser of one user.
type UserClient interface {
	// Visit loads a page with its files, one after the other (B4.5): EventVisited.
	Visit(Visit)
	// Register is POST /api/app/users: EventUserRegistered.
	Register(UserProfile)
	// RegisterPayment is POST /api/app/payment-methods: EventPaymentRegistered.
	RegisterPayment(token string)
	// Rides is GET /api/app/rides: EventRides.
	Rides()
	// NearbyChairs is GET /api/app/nearby-chairs: EventNearbyChairs.
	NearbyChairs(at Point, distance int)
	// EstimateFare is POST /api/app/rides/estimated-fare: EventFareEstimated.
	EstimateFare(pickup, destination Point)
	// CreateRide is POST /api/app/rides: EventRideCreated.
	CreateRide(pickup, destination Point)
	// Evaluate is POST /api/app/rides/{id}/evaluation: EventEvaluated.
	Evaluate(rideID string, rating int)

	Notifications // EventUserNotified
	Close()
}

// A ChairClient is the on-board computer of one chair.
type ChairClient interface {
	// Register is POST /api/chair/chairs: EventChairRegistered.
	Register(ChairProfile)
	// Activate is POST /api/chair/activity with is_active true: EventActivated.
	Activate()
	// PostPosition is POST /api/chair/coordinate: EventPositionRecorded.
	PostPosition(Point)
	// PostStatus is POST /api/chair/rides/{id}/status; only StatusEnroute and
	// StatusCarrying are sent: EventStatusPosted.
	PostStatus(rideID string, s Status)

	Notifications // EventChairNotified
	Close()
}

// An OwnerClient is the browser of one owner.
type OwnerClient interface {
	// Visit loads a page with its files: EventVisited.
	Visit(Visit)
	// Register is POST /api/owner/owners: EventOwnerRegistered.
	Register(name string)
	// Chairs is GET /api/owner/chairs: EventOwnerChairs.
	Chairs()
	// Sales is GET /api/owner/sales?until=...: EventOwnerSales.
	Sales(until Millis)
}

// NotificationWindow is the number of notifications of one entity that may be posted and
// not yet taken. A client that has posted so many stops reading its connection until some
// are taken (B2.4: a queue of 500, then the receiver blocks).
const NotificationWindow = 500

// Notifications is the notification connection of one user or chair, of either transport
// (B9.1, B9.2). It reconnects by itself for as long as it is open; whatever goes wrong on
// it is never reported (B9.2).
type Notifications interface {
	// OpenNotifications connects. The World opens only what is closed.
	OpenNotifications()
	// CloseNotifications ends the connection. No notification is posted after it returns;
	// those posted before are still delivered and take part in the rules.
	CloseNotifications()
	// NotificationsTaken reports that the entity has consumed n more of the delivered
	// notifications, n >= 0. The count goes on over closing and opening.
	NotificationsTaken(n int)
}

// A Visit is a page load of B4.5. The two visits without any file (CH2, OS) do not exist
// here, and visits that always follow each other are one.
type Visit uint8

const (
	VisitUserRegistration    Visit = iota + 1 // CR1, CR2: 36 GETs
	VisitPaymentRegistration                  // CR3: 1 GET
	VisitRideRequest                          // CH1: 30 GETs
	VisitEvaluation                           // CE: 30 GETs
	VisitOwnerRegistration                    // OR1, OR2: 21 GETs
	VisitOwnerChairs                          // OC: 17 GETs
)

// An EventKind says what an Event answers or brings.
type EventKind uint8

// Each kind names the members of Event it fills besides To and Failure. After a failure
// they are all zero. Events that end a call come first, then the notifications.
const (
	EventVisited           EventKind = iota + 1
	EventUserRegistered              // Body: *UserAccount
	EventPaymentRegistered           //
	EventRides                       // Body: []PastRide
	EventNearbyChairs                // Body: []NearbyChair
	EventFareEstimated               // Body: *Estimate
	EventRideCreated                 // Body: *CreatedRide
	EventEvaluated                   // Time: completed_at
	EventChairRegistered             // Body: *ChairAccount
	EventActivated                   //
	EventPositionRecorded            // Time: recorded_at
	EventStatusPosted                //
	EventOwnerRegistered             // Body: *OwnerAccount
	EventOwnerChairs                 // Body: []OwnedChair
	EventOwnerSales                  // Body: *Sales
	EventUserNotified                // Body: *UserNotification; Failure is always nil
	EventChairNotified               // Body: *ChairNotification; Failure is always nil
)

// An Event brings an answer or a notification to an entity. The frequent events carry no
// body or one that may be shared, so that they need no allocation.
//
// The World keeps bodies of notifications until they are taken and never changes any
// body: a client that polls may deliver one and the same *UserNotification as often as
// the server repeats it.
type Event struct {
	To      Entity
	Kind    EventKind
	Time    Millis
	Failure *Failure
	Body    any
}

// A FailureKind is the way in which a call failed.
type FailureKind uint8

const (
	// FailureStatus: the answer had another status than the one of B13.4.
	FailureStatus FailureKind = iota + 1
	// FailureTransport: no complete answer came (refused, reset, closed early, TLS,
	// malformed HTTP).
	FailureTransport
	// FailureTimeout: the limit of B13.1 passed. Only here the evaluation is critical
	// (B4.4).
	FailureTimeout
	// FailureDecode: the body does not have the members of B13.4, or its encoding or a
	// cache header is broken.
	FailureDecode
	// FailureContent: a static file has another content than listed.
	FailureContent
	// FailureBench: the fault lies on this side, for example no free port or file
	// descriptor (B15.3). It is retried like any other, but never counted against the
	// server.
	FailureBench
)

var failureKindNames = [...]string{"none", "unexpected status", "transport error", "timeout", "undecodable answer", "wrong content", "bench fault"}

func (k FailureKind) String() string { return failureKindNames[k] }

// A Failure is the reason why a call failed.
type Failure struct {
	Kind   FailureKind
	Status int    // the HTTP status of the answer, 0 if there was none
	Detail string // one line for the reader of the report, may be empty

	// RetryAfter is the time that a server asks for which refuses since it is overloaded, 0 if it
	// does not.
	RetryAfter Instant
}

func (f *Failure) Error() string {
	s := f.Kind.String()
	if f.Status != 0 {
		s = fmt.Sprintf("%s %d", s, f.Status)
	}
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	return s
}

// A UserProfile is the body of a user's registration.
type UserProfile struct {
	Username       string
	Firstname      string
	Lastname       string
	DateOfBirth    string
	InvitationCode string // empty: the member is left out
}

// A UserAccount is the answer to a user's registration. Session is the Cookie field of
// the requests to come, for those who ask in the user's name after the run.
type UserAccount struct{ ID, InvitationCode, Session string }

// A ChairProfile is the body of a chair's registration.
type ChairProfile struct{ Name, Model, RegisterToken string }

// A ChairAccount is the answer to a chair's registration.
type ChairAccount struct{ ID, OwnerID string }

// An OwnerAccount is the answer to an owner's registration. Session is like that of a
// UserAccount.
type OwnerAccount struct{ ID, RegisterToken, Session string }

// A PastRide is one item of GET /api/app/rides.
type PastRide struct {
	ID          string `json:"id"`
	Pickup      Point  `json:"pickup"`
	Destination Point  `json:"destination"`
	ChairID     string `json:"chair_id"`
	ChairOwner  string `json:"chair_owner"` // the owner's name
	ChairName   string `json:"chair_name"`
	ChairModel  string `json:"chair_model"`
	Fare        int    `json:"fare"`
	Evaluation  int    `json:"evaluation"`
	RequestedAt Millis `json:"requested_at,omitempty"`
	CompletedAt Millis `json:"completed_at"`
}

// A NearbyChair is one item of GET /api/app/nearby-chairs.
type NearbyChair struct {
	ID, Name, Model string
	Position        Point
}

// An Estimate is the answer to an estimated fare.
type Estimate struct{ Fare, Discount int }

// A CreatedRide is the answer to POST /api/app/rides.
type CreatedRide struct {
	ID   string
	Fare int
}

// An OwnedChair is one item of GET /api/owner/chairs.
type OwnedChair struct {
	ID, Name, Model string
	Active          bool
	RegisteredAt    Millis
	TotalDistance   int
	// UpdatedAt is total_distance_updated_at; HasUpdatedAt reports whether the member was
	// there.
	UpdatedAt    Millis
	HasUpdatedAt bool
}

// Sales is the answer to GET /api/owner/sales.
type Sales struct {
	Total  int
	Chairs []ChairSales
	Models []ModelSales
}

// ChairSales are the sales of one chair.
type ChairSales struct {
	ID, Name string
	Sales    int
}

// ModelSales are the sales of all chairs of one model.
type ModelSales struct {
	Model string
	Sales int
}

// A UserNotification is a decoded message to a user that kept the rules of B9.3. Missing
// members which the rules tolerate are zero.
type UserNotification struct {
	RideID              string
	Pickup, Destination Point
	Fare                int
	Status              Status
	HasChair            bool // the member was there; Chair is zero otherwise
	Chair               NotifiedChair
}

// A NotifiedChair is the chair of a UserNotification.
type NotifiedChair struct {
	ID, Name, Model string
	TotalRides      int
	EvaluationAvg   float64
}

// A ChairNotification is a decoded message to a chair that kept the rules of B9.3.
type ChairNotification struct {
	RideID              string
	UserID, UserName    string
	Pickup, Destination Point
	Status              Status
}
