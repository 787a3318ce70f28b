package isuride

import "fmt"

// Kind says what happened.
type Kind uint8

// The kinds of events, with the rows each carries. Numbers are part of the journal's
// format: never reuse one.
const (
	// OwnerRegistered carries the Owner.
	OwnerRegistered Kind = 1
	// ChairRegistered carries the Chair.
	ChairRegistered Kind = 2
	// ChairActivityChanged carries the Chair.
	ChairActivityChanged Kind = 3
	// ChairMoved carries the Location, and the RideStatus that the report caused, if any.
	ChairMoved Kind = 4
	// UserRegistered carries the User and the Coupons granted: its own, and the
	// inviter's reward.
	UserRegistered Kind = 5
	// PaymentTokenSet carries the PaymentToken.
	PaymentTokenSet Kind = 6
	// RideRequested carries the Ride, its first RideStatus and the Coupon it consumes,
	// if any.
	RideRequested Kind = 7
	// RideAssigned carries the Ride with its chair, and from version 2 on the reasons.
	RideAssigned Kind = 8
	// RideAdvanced carries the RideStatus that the chair asked for.
	RideAdvanced Kind = 9
	// ChargeStarted carries the Charge. It has no row in SQL: it only lets a restarted
	// server finish what it began.
	ChargeStarted Kind = 10
	// ChargeFailed carries the Charge: it finally failed, the ride stays as it is.
	ChargeFailed Kind = 11
	// RideCompleted carries the rated Ride and its last RideStatus.
	RideCompleted Kind = 12
	// StatusDelivered carries the RideStatus with exactly one of its sent times set.
	StatusDelivered Kind = 13
	// StateHashed carries the StateHash: what the leader of a group of replicas had become by
	// then. It has no row in SQL and changes nothing.
	StateHashed Kind = 14
	// Initialized carries the Beginning of a new generation of a group of replicas: all that
	// was before is gone.
	Initialized Kind = 15
)

var kindNames = map[Kind]string{
	OwnerRegistered:      "OwnerRegistered",
	ChairRegistered:      "ChairRegistered",
	ChairActivityChanged: "ChairActivityChanged",
	ChairMoved:           "ChairMoved",
	UserRegistered:       "UserRegistered",
	PaymentTokenSet:      "PaymentTokenSet",
	RideRequested:        "RideRequested",
	RideAssigned:         "RideAssigned",
	RideAdvanced:         "RideAdvanced",
	ChargeStarted:        "ChargeStarted",
	ChargeFailed:         "ChargeFailed",
	RideCompleted:        "RideCompleted",
	StatusDelivered:      "StatusDelivered",
	StateHashed:          "StateHashed",
	Initialized:          "Initialized",
}

// String returns the name and the number.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return fmt.Sprintf("%s (kind %d)", name, uint8(k))
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Event is one accepted command: what happened, and the image after it of every row that
// changed. Images are complete, so that an event can be applied and written without
// looking anything up; a NULL in an image leaves the column as it is, since no nullable
// column ever returns to NULL.
//
// The rows belong to the maker of the event.
type Event struct {
	Kind     Kind
	Owner    *Owner
	Chair    *Chair
	Location *ChairLocation
	User     *User
	Token    *PaymentToken
	Ride     *Ride
	Status   *RideStatus
	Charge   *Charge
	Coupons  []Coupon
	Hash     *StateHash
	Begin    *Beginning

	// Why are the reasons of an assignment, nil if they are not known. They are not a row:
	// applying the event ignores them.
	Why *Why
}
