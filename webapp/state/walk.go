package state

import (
	"cmp"
	"slices"

	"isuride/webapp/isuride"
)

// Span is a stretch of the log: a walk found everything up to event From, and nothing
// after event To.
type Span struct{ From, To uint64 }

// Image is what the events up to Position have made of one entity. It has exactly one of
// the three. It is lent for the visit, as all slices in it; strings may be kept.
type Image struct {
	Position uint64
	Owner    *isuride.Owner
	Chair    *ChairImage
	User     *UserImage
}

// ChairImage is a chair with its books and its notifications.
type ChairImage struct {
	isuride.Chair
	Track  Track
	Stats  Stats
	Sales  []Sale // in order of completion
	RideID string // of the ride that is not completed, "" if there is none
	Log    LogImage
}

// UserImage is a user with all that is its own: rides from their requests to their
// ratings, coupons, notifications.
type UserImage struct {
	isuride.User
	Token   string           // of the payment gateway, "" if there is none
	Invited int              // users who registered with this user's code
	Coupons []isuride.Coupon // in grant order
	Rides   []RideImage      // in order of creation
	Log     LogImage
}

// RideImage is a ride.
type RideImage struct {
	isuride.Ride
	Fare       int
	Status     isuride.Status
	StatusAt   isuride.Time // when it was entered
	Passed     uint8        // statuses that the ride has been in, one bit each
	Done       bool         // completed
	MatchingID string       // of the row of MATCHING, "" once nobody can ask for it
	MatchingAt isuride.Time
	Charge     isuride.OpenCharge // its payment under way, zero if there is none
}

// LogImage is a recipient's notification log: the last message delivered, if Delivered
// says so, then the pending ones.
type LogImage struct {
	Delivered bool
	Messages  []MessageImage
}

// MessageImage is a Message.
type MessageImage struct {
	RideID    string
	Status    isuride.Status
	Stats     Stats
	UpdatedAt isuride.Time // of the ride
	RowID     string       // of its ride_statuses row
	RowAt     isuride.Time
}

// Walk visits an image of every entity while the store goes on, one after the other, each
// under its own locks. No lock is held during a visit, which may take its time. Any number
// of walks may run at once. An error of visit ends the walk and is returned.
//
// The goal is that the images and the events after Span.From, each applied to those of its
// entities that lack it, make the same store as all events did: a Restoration does that.
// Settings and models are no entities: no event changes them.
//
// Owners, chairs and users are the entities. These are the events that touch each, and the
// locks that they hold from before the event is recorded until after it is applied:
//
//	owner (set once)                            OwnerRegistered, under registry
//	chair: activity, track, ride, books; log    ChairRegistered under its owner's lock;
//	                                            ChairActivityChanged, ChairMoved, RideAssigned,
//	                                            RideAdvanced, RideCompleted under its own lock;
//	                                            StatusDelivered under its log's
//	user: token, coupons, invitations; its      UserRegistered (as new user: under registry, as
//	rides with status, chair, rating, charge;   inviter: under its own lock too); PaymentTokenSet,
//	log                                         RideRequested, RideAssigned, ChargeStarted,
//	                                            ChargeFailed, RideCompleted under its own lock;
//	                                            ChairMoved with a status, RideAdvanced under that
//	                                            of its ride's chair; StatusDelivered under its log's
//
// Invariants:
//
//  1. An image's position is the end of the log, read while all locks are held under which
//     an event of that entity can be recorded. So an event of the entity up to the position
//     has been applied, and one after it has not been recorded: it would have to have a
//     number, which is given under one of those locks. No position has to be kept with each
//     entity, and events cost nothing for it.
//  2. From is read under registry, before the first image. So every account that was
//     registered up to From can be found, and so can every chair, whose owner's lock is
//     waited for. What the walk does not find is created by an event after From.
//  3. Positions do not fall from one image to the next, and chairs come before users. So a
//     chair never has an event that its ride's user lacks. A user may be ahead of a chair,
//     and of another user.
//  4. An event that is in one entity's image and not in another's is applied to the latter
//     alone (half). By 3 that happens to an assigned ride in one direction only: the user's
//     side has it, the chair's does not. What the chair's side needs is in the event or in
//     the ride, where it has its last value already: evaluation, times and statuses passed
//     of a ride enter the chair's books with its completion only.
//  5. The row of MATCHING, which the chair's log gets with the assignment, is forgotten with
//     the completion only if no walk runs: a ride that was completed before From is
//     completed in all images.
//  6. Rides are never removed, and are requested before they are assigned. So a chair's image
//     refers only to rides that a later user's image has. A ride's chair may be missing: it
//     was registered after its owner was visited, by an event that comes after From.
//  7. A charge is open or not by the last event about its ride. So it does not matter that
//     those after From are noted again.
//
// What no event tells is not in the images: resting chairs, completions that a rider may
// not know of, slots of free chairs, streams. Recovery ends all of that, as ever.
//
// Rejected: a position kept in every entity, stored with each event. It says the same, at
// the price of a store per entity in each event and of eight bytes per entity for ever. Also
// rejected: rides as entities of their own, locked with user and chair. They are a hundred
// times as many, and nothing about a completed one changes.
func (s *Store) Walk(visit func(*Image) error) (Span, error) {
	return s.walk(visit, false, (*walker).all)
}

// walk lets a walker look at what it is to see; open leaves completed rides out.
func (s *Store) walk(visit func(*Image) error, open bool, look func(*walker)) (Span, error) {
	w := walker{Store: s, visit: visit, position: s.opt.Log.Appended, open: open}
	return w.walk(look)
}

func (w *walker) walk(look func(*walker)) (span Span, err error) {
	w.walks.Add(1) // before From is read: invariant 5
	defer w.walks.Add(-1)
	w.registry.Lock()
	span.From = w.begin()
	w.registry.Unlock()
	look(w)
	span.To = w.end()
	return span, w.err
}

// walker is a walk under way, with the memory for its images.
type walker struct {
	*Store
	visit    func(*Image) error
	position func() uint64 // the end of the log
	open     bool          // leave out completed rides
	err      error
	count    *counter // nil: the walk does not count

	chair ChairImage
	user  UserImage
	// Of the user's rides that are not completed: their places, what they are, their chairs.
	busy   []int
	moving []RideImage
	held   []*Chair
}

// hand counts an image, visits it, and reports whether to go on.
func (w *walker) hand(i Image) bool {
	if w.count != nil {
		w.count.add(&i)
	}
	w.err = w.visit(&i)
	return w.err == nil
}

func (w *walker) all() {
	w.ownersByID.Range(func(_ string, o *Owner) bool { return w.owner(o) })
	w.users()
}

// owner visits an owner and its chairs, and reports whether to go on.
func (w *walker) owner(o *Owner) bool {
	row := o.Owner
	w.count.pass(o.mark) // set once
	if !w.hand(Image{Position: w.position(), Owner: &row}) {
		return false
	}
	for _, c := range o.Chairs() {
		if !w.hand(w.takeChair(c)) {
			return false
		}
	}
	return true
}

func (w *walker) takeChair(c *Chair) Image {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := &w.chair
	*m = ChairImage{Chair: c.row, Track: c.track, Stats: c.stats, Sales: c.sales[:len(c.sales):len(c.sales)], Log: m.Log}
	m.IsActive, m.UpdatedAt = c.active, c.updatedAt
	if c.ride != nil {
		m.RideID = c.ride.ID
	}
	return Image{Position: w.take(&c.Log, &m.Log, &c.mark), Chair: m}
}

// take copies a notification log, and returns the end of the log of events. The locks under
// which messages are added are held. So it is the moment at which the entity is visited.
func (w *walker) take(from *Log, to *LogImage, visited *mark) (position uint64) {
	from.View(func(messages []Message, delivered bool) {
		position = w.position()
		w.count.meet(visited)
		to.Delivered, to.Messages = delivered, to.Messages[:0]
		for i := range messages {
			m := &messages[i]
			to.Messages = append(to.Messages, MessageImage{RideID: m.Ride.ID, Status: m.Status, Stats: m.Stats,
				UpdatedAt: m.UpdatedAt, RowID: m.row.id, RowAt: m.row.at})
		}
	})
	return position
}

// users visits those that can come in, who are complete.
func (w *walker) users() {
	if w.err != nil {
		return
	}
	w.usersByToken.Range(func(_ string, u *User) bool { return w.hand(w.takeUser(u)) })
}

// takeUser copies under the locks what may change, and then the completed rides, of which
// nothing does: a user may have many.
func (w *walker) takeUser(u *User) Image {
	position, rides := w.takeChanging(u)
	m, busy, moving := &w.user, w.busy, w.moving
	if w.open {
		m.Rides = append(m.Rides, moving...)
		return Image{Position: position, User: m}
	}
	for i, r := range rides {
		if len(busy) > 0 && busy[0] == i {
			m.Rides = append(m.Rides, moving[0])
			busy, moving = busy[1:], moving[1:]
		} else {
			m.Rides = append(m.Rides, r.imageLocked())
		}
	}
	return Image{Position: position, User: m}
}

func (w *walker) takeChanging(u *User) (position uint64, rides []*Ride) {
	u.mu.Lock()
	defer u.mu.Unlock()
	m := &w.user
	*m = UserImage{User: u.User, Token: u.token, Invited: u.invited, Coupons: append(m.Coupons[:0], u.coupons...), Rides: m.Rides[:0], Log: m.Log}
	w.findBusyLocked(u)
	defer w.lockChairs(u)()
	w.moving = w.moving[:0]
	for _, i := range w.busy {
		w.moving = append(w.moving, u.rides[i].imageLocked())
	}
	return w.take(&u.Log, &m.Log, &u.mark), u.rides
}

// findBusyLocked notes the rides that are not completed, nearly always the last one.
func (w *walker) findBusyLocked(u *User) {
	w.busy = w.busy[:0]
	for i := len(u.rides) - 1; i >= 0 && len(w.busy) < u.unfinished; i-- {
		if !u.rides[i].done {
			w.busy = append(w.busy, i)
		}
	}
	slices.Reverse(w.busy)
}

// lockChairs locks the chairs of those rides. Commands make one at most; tables of another
// program may have made more. Nobody else holds two chairs, and walks lock them in the
// order of their ids, so that none waits for another in a circle.
func (w *walker) lockChairs(u *User) (unlock func()) {
	w.held = w.held[:0]
	for _, i := range w.busy {
		if c := u.rides[i].chair.Load(); c != nil {
			w.held = append(w.held, c)
		}
	}
	slices.SortFunc(w.held, func(a, b *Chair) int { return cmp.Compare(a.ID, b.ID) })
	w.held = slices.Compact(w.held)
	for _, c := range w.held {
		c.mu.Lock()
	}
	return w.unlockChairs
}

func (w *walker) unlockChairs() {
	for _, c := range w.held {
		c.mu.Unlock()
	}
}

// imageLocked copies the ride. A completed one needs no lock, once it was seen completed
// under its user's.
func (r *Ride) imageLocked() RideImage {
	m := RideImage{Ride: r.rowLocked(), Fare: r.Fare, Status: r.status, StatusAt: r.statusAt, Passed: uint8(r.passed), Done: r.done,
		MatchingID: r.matching.id, MatchingAt: r.matching.at}
	if ch := r.charge; ch != nil {
		m.Charge = isuride.OpenCharge{Seq: ch.seq, Evaluation: ch.Evaluation}
	}
	return m
}
