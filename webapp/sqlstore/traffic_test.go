package sqlstore_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/oklog/ulid/v2"

	"isuride/webapp/isuride"
)

// traffic makes rows in the mix that a loaded server writes: nearly nine of ten are
// position reports, the others are those of rides passing through their states.
type traffic struct {
	random   *rand.Rand
	now      isuride.Time
	sequence uint64
	chairs   []string
	rides    []isuride.Ride
}

const trafficChairs = 500

func newTraffic(seed uint64) *traffic {
	t := &traffic{random: rand.New(rand.NewPCG(seed, 0)), now: 1732579200000000}
	for range trafficChairs {
		t.chairs = append(t.chairs, t.id())
	}
	return t
}

// id makes an id of the current time that is greater than all before.
func (t *traffic) id() string {
	t.sequence++
	t.now += 100
	id := ulid.ULID{}
	if err := id.SetTime(uint64(t.now.Milli())); err != nil {
		panic(err)
	}
	for i := range 8 {
		id[8+i] = byte(t.sequence >> (56 - 8*i))
	}
	return id.String()
}

func (t *traffic) coordinate() isuride.Coordinate {
	return isuride.Coordinate{Latitude: t.random.Int32N(400) - 100, Longitude: t.random.Int32N(400) - 100}
}

func (t *traffic) report() isuride.ChairLocation {
	return isuride.ChairLocation{ID: t.id(), ChairID: t.chairs[t.random.IntN(trafficChairs)], Coordinate: t.coordinate(), CreatedAt: t.now}
}

// cut makes about n rows, each key at most once.
func (t *traffic) cut(n int) *isuride.Tables {
	c := &isuride.Tables{}
	for c.Rows() < n {
		for range 45 {
			c.ChairLocations = append(c.ChairLocations, t.report())
		}
		t.ride(c)
	}
	return c
}

// ride adds the rows of one ride that begins and another that ends.
func (t *traffic) ride(c *isuride.Tables) {
	ride := isuride.Ride{ID: t.id(), UserID: t.id(), ChairID: t.chairs[0], Pickup: t.coordinate(), Destination: t.coordinate(),
		CreatedAt: t.now, UpdatedAt: t.now}
	t.rides = append(t.rides, ride)
	c.Rides = append(c.Rides, ride)
	c.Users = append(c.Users, isuride.User{ID: ride.UserID, Username: "name" + ride.UserID[6:], Firstname: "花子", Lastname: "O'Neil",
		DateOfBirth: "2000-01-01", AccessToken: fmt.Sprintf("%064x", t.sequence), InvitationCode: fmt.Sprintf("%030x", t.sequence),
		CreatedAt: t.now, UpdatedAt: t.now})
	c.PaymentTokens = append(c.PaymentTokens, isuride.PaymentToken{UserID: ride.UserID, Token: fmt.Sprintf("%0100x", t.sequence), CreatedAt: t.now})
	c.Coupons = append(c.Coupons, isuride.Coupon{UserID: ride.UserID, Code: isuride.SignupCode, Discount: 3000, CreatedAt: t.now, UsedBy: ride.ID})
	for s := isuride.Matching; s != 0; s = s.Next() {
		id := t.id()
		c.RideStatuses = append(c.RideStatuses, isuride.RideStatus{ID: id, RideID: ride.ID, Status: s, CreatedAt: t.now, AppSentAt: t.now, ChairSentAt: t.now})
	}
	if old := len(t.rides) - 1000; old >= 0 {
		t.rides[old].Evaluation, t.rides[old].UpdatedAt = 5, t.now
		c.Rides = append(c.Rides, t.rides[old])
	}
}
