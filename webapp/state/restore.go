package state

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"isuride/webapp/isuride"
	"isuride/webapp/ledger"
)

// Restoration builds a store from the images of a walk, in their order. The events after
// Span.From are then replayed by a Recovery. It belongs to one goroutine, as the store does
// until the Recovery is finished.
type Restoration struct {
	store    *Store
	position uint64 // of the last image
	users    bool   // have begun
	chairs   []restoredChair
	waiting  []*Ride
	open     isuride.OpenCharges
	orphans  map[string][]*Ride // rides of chairs that are not there yet, by chair id
	slab     []Ride
	base     ledger.Posting // of all images
}

// restoredChair is what of a chair refers to rides, which come after all chairs.
type restoredChair struct {
	*Chair
	rideID string
	log    LogImage
}

// slabRides is the number of rides that are allocated together: rides stay for ever, and
// one by one they would cost the garbage collector more than they do.
const slabRides = 512

// NewRestoration begins with the models, which no event changes, and no entity.
func NewRestoration(opt Options, models []isuride.ChairModel, size Size) *Restoration {
	s := newStore(opt, size)
	for _, m := range models {
		s.models[m.Name] = m.Speed
	}
	return &Restoration{store: s, open: isuride.OpenCharges{}, orphans: map[string][]*Ride{}}
}

// Add takes the next image. An error means that the images are not those of one walk.
func (r *Restoration) Add(i *Image) error {
	if i.Position < r.position {
		return fmt.Errorf("an image of event %d follows one of event %d", i.Position, r.position)
	}
	r.position = i.Position
	r.store.tally.sum = r.store.tally.sum.plus(i.hash())
	switch {
	case i.Owner != nil:
		r.store.addOwnerLocked(i.Owner, mark{})
	case i.Chair != nil:
		return r.addChair(i.Chair, i.Position)
	case i.User != nil:
		return r.addUser(i.User, i.Position)
	}
	return nil
}

func (r *Restoration) addChair(m *ChairImage, position uint64) error {
	o, ok := r.store.ownersByID.Load(m.OwnerID)
	if !ok || r.users {
		return fmt.Errorf("chair %q comes before its owner, or after a user", m.ID)
	}
	c := r.store.addChairLocked(&m.Chair, o, mark{})
	c.reflects, c.track, c.stats, c.sales = position, m.Track, m.Stats, slices.Clone(m.Sales)
	c.booked = c.booksLocked()
	r.store.books.Add(&o.sales, 0, c.booked.sales)
	if m.RideID != "" || len(m.Log.Messages) > 0 {
		r.chairs = append(r.chairs, restoredChair{c, m.RideID, LogImage{m.Log.Delivered, slices.Clone(m.Log.Messages)}})
	}
	return nil
}

func (r *Restoration) addUser(m *UserImage, position uint64) error {
	r.users = true
	u := r.store.addUserLocked(&m.User, mark{})
	u.reflects, u.token, u.invited, u.coupons = position, m.Token, m.Invited, slices.Clone(m.Coupons)
	for i := range u.coupons {
		if v := u.bookCouponLocked(&u.coupons[i], &r.base); v != nil {
			return v
		}
	}
	u.rides = make([]*Ride, 0, len(m.Rides))
	for i := range m.Rides {
		if v := r.addRide(u, &m.Rides[i]).bill(&r.base); v != nil {
			return v
		}
	}
	r.store.publishUser(u)
	return r.fill(&u.Log, &m.Log)
}

func (r *Restoration) addRide(u *User, m *RideImage) *Ride {
	if len(r.slab) == 0 {
		r.slab = make([]Ride, slabRides)
	}
	ride := &r.slab[0]
	r.slab = r.slab[1:]
	ride.ID, ride.User, ride.Pickup, ride.Destination, ride.CreatedAt, ride.Fare = m.ID, u, m.Pickup, m.Destination, m.CreatedAt, m.Fare
	ride.coupon = u.worthLocked(m.ID)
	ride.status, ride.statusAt, ride.passed = m.Status, m.StatusAt, statusSet(m.Passed)
	ride.done, ride.evaluation, ride.updatedAt = m.Done, m.Evaluation, m.UpdatedAt
	ride.matching = statusRow{m.MatchingID, m.MatchingAt}
	u.rides = append(u.rides, ride)
	r.store.rides.Store(ride.ID, ride)
	if !m.Done {
		u.unfinished++
	}
	if m.Charge != (isuride.OpenCharge{}) {
		r.open[m.ID] = m.Charge
		ride.noteLocked(m.Charge)
	}
	switch c, ok := r.store.chairsByID.Load(m.ChairID); {
	case ok:
		ride.chair.Store(c)
	case m.ChairID != "":
		r.orphans[m.ChairID] = append(r.orphans[m.ChairID], ride)
	default:
		r.waiting = append(r.waiting, ride)
	}
	return ride
}

// fill brings an empty notification log to what it was.
func (r *Restoration) fill(log *Log, m *LogImage) error {
	for i := range m.Messages {
		from := &m.Messages[i]
		ride, ok := r.store.rides.Load(from.RideID)
		if !ok {
			return fmt.Errorf("a notification is about ride %q, which is unknown", from.RideID)
		}
		log.Append(Message{Ride: ride, Status: from.Status, Stats: from.Stats, UpdatedAt: from.UpdatedAt, row: statusRow{from.RowID, from.RowAt}})
	}
	if m.Delivered && !log.DeliverNext(func(_, _ *Message) bool { return true }) {
		return errors.New("a notification that was delivered is missing")
	}
	return nil
}

// Recovery ends the images of the span and goes on with the events after span.From. At the end of
// the span the state must have the hash, unless that is zero: unknown.
func (r *Restoration) Recovery(span Span, want Hash) (*Recovery, error) {
	if r.position > span.To || span.From > span.To {
		return nil, fmt.Errorf("the images go up to event %d, of a span from %d to %d", r.position, span.From, span.To)
	}
	for i := range r.chairs {
		c := &r.chairs[i]
		if c.rideID != "" {
			ride, ok := r.store.rides.Load(c.rideID)
			if !ok {
				return nil, fmt.Errorf("chair %q has ride %q, which is unknown", c.ID, c.rideID)
			}
			c.ride = ride
		}
		if err := r.fill(&c.Log, &c.log); err != nil {
			return nil, err
		}
	}
	r.store.chairsByID.Range(func(_ string, c *Chair) bool { r.store.refreshFreeLocked(c); return true })
	slices.SortFunc(r.waiting, func(a, b *Ride) int { return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	for _, ride := range r.waiting {
		r.store.regions[isuride.RegionOf(ride.Pickup)].wait(ride)
	}
	r.store.books.Post(0, 0, &r.base)
	return &Recovery{store: r.store, span: span, last: span.From, open: r.open, orphans: r.orphans, want: want}, nil
}
