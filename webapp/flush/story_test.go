package flush

import (
	"fmt"
	"math/rand/v2"
	"time"

	"isuride/webapp/isuride"
)

// story makes random events as the server does: complete images, one after the other,
// with the merges that matter (assignments, deliveries, used coupons) far apart or close
// together.
type story struct {
	rng   *rand.Rand
	ids   int
	users []*isuride.User
	chair []*isuride.Chair
	free  []isuride.Coupon // granted, not used
	rides []*storyRide
	owner *isuride.Owner
}

type storyRide struct {
	row      isuride.Ride
	statuses []*isuride.RideStatus // newest last
	charging bool
}

func newStory(rng *rand.Rand) *story { return &story{rng: rng} }

func (s *story) id(kind string) string {
	s.ids++
	return fmt.Sprintf("%s-%d", kind, s.ids)
}

func now() isuride.Time { return isuride.TimeOf(time.Now()) }

// next makes the next event.
func (s *story) next() *isuride.Event {
	switch {
	case s.owner == nil:
		s.owner = &isuride.Owner{ID: s.id("owner"), Name: "Ann & Sons", CreatedAt: now(), UpdatedAt: now()}
		return &isuride.Event{Kind: isuride.OwnerRegistered, Owner: s.owner}
	case len(s.chair) == 0 || s.rng.IntN(30) == 0:
		c := &isuride.Chair{ID: s.id("chair"), OwnerID: s.owner.ID, Name: "chair", CreatedAt: now(), UpdatedAt: now()}
		s.chair = append(s.chair, c)
		return &isuride.Event{Kind: isuride.ChairRegistered, Chair: c}
	case len(s.users) == 0 || s.rng.IntN(30) == 0:
		return s.register()
	case len(s.rides) == 0 || s.rng.IntN(20) == 0:
		return s.request()
	}
	return s.routine()
}

func (s *story) register() *isuride.Event {
	u := &isuride.User{ID: s.id("user"), Username: s.id("name"), CreatedAt: now(), UpdatedAt: now()}
	coupons := []isuride.Coupon{isuride.SignupCoupon(u.ID, now())}
	if len(s.users) > 0 {
		inviter := pick(s.rng, s.users)
		reward := isuride.RewardCoupon(inviter.ID, inviter.InvitationCode, now())
		reward.Code += s.id("") // the story's clock may not move
		coupons = append(coupons, reward)
	}
	s.users = append(s.users, u)
	s.free = append(s.free, coupons...)
	return &isuride.Event{Kind: isuride.UserRegistered, User: u, Coupons: coupons}
}

func (s *story) request() *isuride.Event {
	r := &storyRide{row: isuride.Ride{ID: s.id("ride"), UserID: pick(s.rng, s.users).ID, CreatedAt: now(), UpdatedAt: now()}}
	s.rides = append(s.rides, r)
	e := &isuride.Event{Kind: isuride.RideRequested, Ride: &r.row, Status: s.status(r, isuride.Matching)}
	if len(s.free) > 0 && s.rng.IntN(2) == 0 {
		used := s.free[0]
		s.free = s.free[1:]
		used.UsedBy = r.row.ID
		e.Coupons = []isuride.Coupon{used}
	}
	return e
}

// status appends one to the ride.
func (s *story) status(r *storyRide, to isuride.Status) *isuride.RideStatus {
	st := &isuride.RideStatus{ID: s.id("status"), RideID: r.row.ID, Status: to, CreatedAt: now()}
	r.statuses = append(r.statuses, st)
	return st
}

func (s *story) routine() *isuride.Event {
	c := pick(s.rng, s.chair)
	switch s.rng.IntN(8) {
	case 0:
		c.IsActive, c.UpdatedAt = !c.IsActive, now()
		return &isuride.Event{Kind: isuride.ChairActivityChanged, Chair: c}
	case 1:
		u := pick(s.rng, s.users)
		return &isuride.Event{Kind: isuride.PaymentTokenSet, Token: &isuride.PaymentToken{UserID: u.ID, Token: s.id("token"), CreatedAt: now()}}
	case 2, 3:
		return &isuride.Event{Kind: isuride.ChairMoved, Location: s.location(c)}
	case 4, 5:
		return s.deliver(pick(s.rng, s.rides))
	}
	return s.advance(pick(s.rng, s.rides), c)
}

func (s *story) location(c *isuride.Chair) *isuride.ChairLocation {
	at := isuride.Coordinate{Latitude: s.rng.Int32N(400), Longitude: -s.rng.Int32N(400)}
	return &isuride.ChairLocation{ChairID: c.ID, Coordinate: at, CreatedAt: now()}
}

// deliver records one of the two deliveries; the image lacks what it does not know.
func (s *story) deliver(r *storyRide) *isuride.Event {
	image := *pick(s.rng, r.statuses)
	if s.rng.IntN(2) == 0 {
		image.AppSentAt = now()
	} else {
		image.ChairSentAt = now()
	}
	return &isuride.Event{Kind: isuride.StatusDelivered, Status: &image}
}

func (s *story) advance(r *storyRide, c *isuride.Chair) *isuride.Event {
	status := r.statuses[len(r.statuses)-1].Status
	switch {
	case status == isuride.Matching && r.row.ChairID == "":
		r.row.ChairID, r.row.UpdatedAt = c.ID, now()
		return &isuride.Event{Kind: isuride.RideAssigned, Ride: &r.row}
	case status == isuride.Enroute || status == isuride.Carrying: // on the way
		return &isuride.Event{Kind: isuride.ChairMoved, Location: s.location(c), Status: s.status(r, status.Next())}
	case status == isuride.Arrived:
		return s.charge(r)
	case status == isuride.Completed:
		return s.deliver(r)
	}
	return &isuride.Event{Kind: isuride.RideAdvanced, Status: s.status(r, status.Next())}
}

func (s *story) charge(r *storyRide) *isuride.Event {
	charge := &isuride.Charge{RideID: r.row.ID, Evaluation: 1 + s.rng.IntN(5)}
	if !r.charging {
		r.charging = true
		return &isuride.Event{Kind: isuride.ChargeStarted, Charge: charge}
	}
	r.charging = false
	if s.rng.IntN(3) == 0 {
		return &isuride.Event{Kind: isuride.ChargeFailed, Charge: charge}
	}
	r.row.Evaluation, r.row.UpdatedAt = charge.Evaluation, now()
	return &isuride.Event{Kind: isuride.RideCompleted, Ride: &r.row, Status: s.status(r, isuride.Completed)}
}

// oldestCharge is the number of the oldest charge that is open after an event, the number
// after that event if there is none.
func oldestCharge(log *memLog, upTo uint64) uint64 {
	open := map[string]uint64{}
	var d isuride.Decoder
	for seq := uint64(testPosition) + 1; seq <= upTo; seq++ {
		e, err := d.Decode(log.at(seq))
		if err != nil {
			panic(err)
		}
		switch {
		case e.Kind == isuride.ChargeStarted:
			open[e.Charge.RideID] = seq
		case e.Kind == isuride.ChargeFailed:
			delete(open, e.Charge.RideID)
		case e.Kind == isuride.RideCompleted:
			delete(open, e.Ride.ID)
		}
	}
	oldest := upTo + 1
	for _, seq := range open {
		oldest = min(oldest, seq)
	}
	return oldest
}

func pick[T any](rng *rand.Rand, of []T) T { return of[rng.IntN(len(of))] }
