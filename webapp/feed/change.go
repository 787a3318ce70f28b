package feed

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// change is what an event, or an image, makes of one row.
type change struct {
	table  tableID
	action Action
	see    classSet  // who is told, before the row's accounts are looked at
	which  columnSet // of an update of the city
	entity string    // the owner, chair or user whose image has the row
	key    string    // of the row
	kind   string    // of a row of the city
	// Accounts that the row is of, "" if it is of none.
	user, owner, chair string
	merges             bool // a newer one of the row takes its place
	enters             bool // a row of rides, which has its chair from here on

	row     *row            // lent until the next event
	scratch *[]byte         // the translator's
	text    [classes][]byte // what was encoded of it
}

// textFor returns the row's object as the class sees it: made once, shared by all who get it,
// and never written again.
func (c *change) textFor(class Class) []byte {
	if c.table == city {
		class = Public // all see the same
	}
	if c.text[class] == nil {
		*c.scratch = c.appendTo((*c.scratch)[:0], class)
		c.text[class] = bytes.Clone(*c.scratch)
	}
	return c.text[class]
}

// appendTo appends the row's object.
func (c *change) appendTo(dst []byte, class Class) []byte {
	t := &tables[c.table]
	switch {
	case c.text[Public] != nil && c.table == city:
		return append(dst, c.text[Public]...)
	case c.action == Delete:
		return t.appendKey(dst, c.key)
	}
	return t.appendRow(dst, c.row, class, c.which)
}

// translator makes changes of events and images. What an event does not say itself never
// changes once it is there, and was there before the event was recorded: the fare and the
// user of a ride, the ride's chair once it has one. So the live store answers for every
// event of the log, old ones included, and a reader may begin anywhere.
//
// It belongs to one goroutine. Changes are lent until the next event or image.
type translator struct {
	epoch uint64
	store *state.Store
	names pseudonyms
	dec   isuride.Decoder
	seen  map[string]*roadChair // chairs of the city, by id
	// missed says that chairs may be elsewhere than seen has them.
	missed bool
	// roadOnly says that nobody follows the table of positions, noCity that nobody follows the city.
	roadOnly, noCity bool
	out              []change
	rows             []row

	scratch []byte
}

// roadChair is what the city has been told of a chair.
type roadChair struct {
	id     string
	name   string
	at     isuride.Coordinate
	placed bool // at is known to be what was told
}

func newTranslator(s Source) *translator {
	return &translator{epoch: s.Epoch, store: s.Store, names: newPseudonyms(s), seen: map[string]*roadChair{}, out: make([]change, 0, 16), rows: make([]row, 0, 16)}
}

// pseudonyms hide ids. They are the same for all readers of a generation, and nobody without
// the secret can make them: half a SHA-256 over a secret in front of the id. What is cut off
// keeps anyone from extending it, and one block of the hash is all it takes.
type pseudonyms struct{ key [pseudonymBytes]byte }

func newPseudonyms(s Source) (p pseudonyms) {
	mac := hmac.New(sha256.New, s.Secret)
	fmt.Fprintf(mac, "feed of generation %d", s.Epoch)
	copy(p.key[:], mac.Sum(nil))
	return p
}

// pseudonymBytes make two rides of a city the same with a chance of 1 in 2^128.
const pseudonymBytes = 16

func (p *pseudonyms) of(kind byte, id string) string {
	var buf [64]byte
	sum := sha256.Sum256(append(append(append(buf[:0], p.key[:]...), kind), id...))
	var text [22]byte
	base64.RawURLEncoding.Encode(text[:], sum[:pseudonymBytes])
	return string(text[:])
}

func (p *pseudonyms) ride(id string) string { return p.of('r', id) }

func (t *translator) begin() { t.out, t.rows = t.out[:0], t.rows[:0] }

// add adds a change of a row.
func (t *translator) add(c change, r row) {
	made, of := t.make(c.table)
	c.scratch, c.row, c.see = made.scratch, of, (c.see|seeAll(c.see))&made.see
	*made, *of = c, r
}

// seeAll is everyone if nobody in particular is named.
func seeAll(named classSet) classSet {
	if named == 0 {
		return everyone
	}
	return 0
}

// make makes room for a change of a row: to fill it in there is what the most frequent event
// does, since both are large.
func (t *translator) make(id tableID) (*change, *row) {
	t.rows = append(t.rows, row{}) // those before keep theirs if the slice grows
	r := &t.rows[len(t.rows)-1]
	t.out = append(t.out, change{})
	c := &t.out[len(t.out)-1]
	c.table, c.see, c.scratch, c.row = id, tables[id].see, &t.scratch, r
	return c, r
}

func (t *translator) chairOnRoad(id string) *roadChair {
	c, ok := t.seen[id]
	if !ok {
		c = &roadChair{id: id, name: t.names.of('c', id)}
		t.seen[id] = c
	}
	return c
}

// event returns what an event changes, positions first, and its time, which is 0 if it does
// not say.
func (t *translator) event(payload []byte) ([]change, isuride.Time, error) {
	t.begin()
	switch {
	case isuride.IsDelivery(payload): // fast path: it is in no table, and each fourth event is one
		return t.out, 0, nil
	case t.roadOnly && isuride.IsReport(payload): // fast path: for those who show the city
		if at, ok := t.droveOn(payload); ok {
			return t.out, at, nil
		}
	}
	e, err := t.dec.Decode(payload)
	if err != nil {
		return nil, 0, err
	}
	switch e.Kind {
	case isuride.OwnerRegistered:
		t.owner(Insert, e.Owner)
	case isuride.ChairRegistered:
		t.chairRegistered(e.Chair)
	case isuride.ChairActivityChanged:
		t.chair(Update, e.Chair)
		t.add(change{table: city, action: Update, which: cityActivity, entity: e.Chair.ID, key: t.chairOnRoad(e.Chair.ID).name, kind: "chair"},
			row{id: t.chairOnRoad(e.Chair.ID).name, active: e.Chair.IsActive})
	case isuride.ChairMoved:
		err = t.moved(e)
	case isuride.UserRegistered:
		t.user(Insert, e.User)
		for i := range e.Coupons {
			t.coupon(Insert, &e.Coupons[i])
		}
	case isuride.RideRequested:
		t.requested(e)
	case isuride.RideAssigned:
		err = t.assigned(e)
	case isuride.RideAdvanced:
		err = t.advanced(e.Status)
	case isuride.ChargeStarted:
		err = t.payment(Insert, e.Charge.RideID, 0)
	case isuride.ChargeFailed:
		err = t.payment(Delete, e.Charge.RideID, 0)
	case isuride.RideCompleted:
		err = t.completed(e)
	case isuride.Initialized:
		if e.Begin.Generation > t.epoch { // a group's log goes on with the next generation
			err = errMoved
		}
	}
	return t.out, e.At(), err
}

func (t *translator) owner(a Action, o *isuride.Owner) {
	t.add(change{table: owners, action: a, entity: o.ID, key: o.ID, owner: o.ID}, row{owner: o})
}

func (t *translator) chair(a Action, c *isuride.Chair) {
	t.add(change{table: chairs, action: a, entity: c.ID, key: c.ID, owner: c.OwnerID, chair: c.ID}, row{chair: c, id: t.chairOnRoad(c.ID).name})
}

// chairRegistered also makes its rows of positions and in the city: they are there from the
// beginning, so that later events need not know whether they are.
func (t *translator) chairRegistered(c *isuride.Chair) {
	t.chair(Insert, c)
	t.position(Insert, c.OwnerID, &isuride.ChairLocation{ChairID: c.ID})
	t.roadChair(c, state.Track{})
}

func (t *translator) position(a Action, ownerID string, l *isuride.ChairLocation) {
	c, r := t.make(positions)
	c.action, c.merges = a, a == Update
	c.entity, c.key, c.owner, c.chair = l.ChairID, l.ChairID, ownerID, l.ChairID
	r.location = l
}

// roadChair makes a chair's whole row of the city.
func (t *translator) roadChair(c *isuride.Chair, track state.Track) {
	on := t.chairOnRoad(c.ID)
	t.add(change{table: city, action: Insert, which: cityOfChair, entity: c.ID, key: on.name, kind: "chair"},
		row{id: on.name, active: c.IsActive, speed: t.store.SpeedOf(c.Model), place: snap(track.At), placed: track.Reported != 0})
}

// droveOn is moved for a report of a chair that is known. It makes no strings.
func (t *translator) droveOn(payload []byte) (isuride.Time, bool) {
	id, at, recorded, ok := isuride.ReadReport(payload)
	on := t.seen[string(id)]
	if !ok || on == nil {
		return 0, false
	}
	t.tellPlace(on, at)
	return recorded, true
}

func (t *translator) moved(e *isuride.Event) error {
	l := e.Location
	on := t.seen[l.ChairID]
	if on == nil || !t.roadOnly {
		c, ok := t.store.ChairByID(l.ChairID)
		if !ok {
			return unknown("chair", l.ChairID)
		}
		t.position(Update, c.Owner.ID, l)
		on = t.chairOnRoad(c.ID)
	}
	if !t.noCity {
		t.tellPlace(on, l.Coordinate)
	}
	if e.Status == nil {
		return nil
	}
	return t.advanced(e.Status)
}

// tellPlace tells the city where a chair is, if that is another place than it knows.
func (t *translator) tellPlace(on *roadChair, at isuride.Coordinate) {
	t.catchUp()
	to := snap(at)
	if on.placed && on.at == to {
		return
	}
	on.at, on.placed = to, true
	c, r := t.make(city)
	c.action, c.which, c.merges = Update, cityWhere, true
	c.entity, c.key, c.kind = on.id, on.name, "chair"
	r.id, r.place, r.placed = on.name, on.at, true
}

// catchUp forgets where chairs were, if reports were passed over.
func (t *translator) catchUp() {
	if !t.missed {
		return
	}
	t.missed = false
	for _, c := range t.seen {
		c.placed = false
	}
}

// unknown is an error that no log of this server can cause.
func unknown(what, id string) error {
	return fmt.Errorf("an event is about %s %q, which is unknown", what, id)
}

func (t *translator) user(a Action, u *isuride.User) {
	t.add(change{table: users, action: a, entity: u.ID, key: u.ID, user: u.ID}, row{user: u})
}

func (t *translator) coupon(a Action, c *isuride.Coupon) {
	id := t.names.of('u', c.UserID+"\x00"+c.Code) // the code has invitation codes in it
	t.add(change{table: coupons, action: a, entity: c.UserID, key: id, user: c.UserID}, row{coupon: c, id: id})
}

func (t *translator) requested(e *isuride.Event) {
	discount := 0
	for i := range e.Coupons {
		discount = e.Coupons[i].Discount
		t.coupon(Update, &e.Coupons[i])
	}
	t.ride(Insert, user|operator, e.Ride, isuride.DiscountedFare(e.Ride.Pickup, e.Ride.Destination, discount))
	t.status(Insert, user|operator, e.Ride.UserID, e.Status.RideID, "", e.Status.Status, e.Status.CreatedAt)
	t.roadRide(e.Ride, e.Status.Status, e.Status.CreatedAt)
}

func (t *translator) ride(a Action, see classSet, r *isuride.Ride, fare int) {
	t.add(change{table: rides, action: a, see: see, entity: r.UserID, key: r.ID, user: r.UserID, chair: r.ChairID},
		row{ride: r, fare: fare, id: t.names.ride(r.ID)})
}

func (t *translator) status(a Action, see classSet, userID, rideID, chairID string, s isuride.Status, at isuride.Time) {
	t.add(change{table: statuses, action: a, see: see, entity: userID, key: rideID, user: userID, chair: chairID},
		row{rideID: rideID, userID: userID, status: s, statusAt: at})
}

// roadRide makes a ride's whole row of the city.
func (t *translator) roadRide(r *isuride.Ride, s isuride.Status, at isuride.Time) {
	made := row{id: t.names.ride(r.ID), status: s, statusAt: at, place: snap(r.Pickup), placed: true}
	if r.ChairID != "" {
		made.of = t.chairOnRoad(r.ChairID).name
	}
	t.add(change{table: city, action: Insert, which: cityOfRide, entity: r.UserID, key: made.id, kind: "ride"}, made)
}

// assigned lets the chair see the ride and its status, which others have seen.
func (t *translator) assigned(e *isuride.Event) error {
	r := e.Ride
	known, ok := t.store.RideByID(r.ID)
	if !ok {
		return unknown("ride", r.ID)
	}
	t.ride(Update, user|operator, r, known.Fare)
	t.out[len(t.out)-1].enters = true
	t.ride(Insert, chair, r, known.Fare)
	t.status(Insert, chair, r.UserID, r.ID, r.ChairID, isuride.Matching, r.CreatedAt)
	t.add(change{table: matches, action: Insert, key: r.ID, entity: r.UserID, user: r.UserID, chair: r.ChairID},
		row{rideID: r.ID, chairID: r.ChairID, at: r.UpdatedAt, why: e.Why})
	id := t.names.ride(r.ID)
	t.add(change{table: city, action: Update, which: cityAssignment, entity: r.UserID, key: id, kind: "ride"},
		row{id: id, of: t.chairOnRoad(r.ChairID).name})
	return nil
}

// advanced is a status that a chair has brought about.
func (t *translator) advanced(s *isuride.RideStatus) error {
	r, ok := t.store.RideByID(s.RideID)
	if !ok || r.Chair() == nil {
		return unknown("ride", s.RideID)
	}
	t.status(Update, everyone, r.User.ID, r.ID, r.Chair().ID, s.Status, s.CreatedAt)
	id := t.names.ride(r.ID)
	t.add(change{table: city, action: Update, which: cityProgress, entity: r.User.ID, key: id, kind: "ride"},
		row{id: id, status: s.Status, statusAt: s.CreatedAt})
	return nil
}

// payment is one that began, failed, or, with a time, was made.
func (t *translator) payment(a Action, rideID string, paidAt isuride.Time) error {
	r, ok := t.store.RideByID(rideID)
	if !ok {
		return unknown("ride", rideID)
	}
	t.paymentOf(a, r.User.ID, rideID, r.Fare, paidAt)
	return nil
}

func (t *translator) paymentOf(a Action, userID, rideID string, fare int, paidAt isuride.Time) {
	t.add(change{table: payments, action: a, entity: userID, key: rideID, user: userID},
		row{rideID: rideID, userID: userID, fare: fare, paid: paidAt != 0, at: paidAt})
}

// completed takes the ride out of the city and out of its chair's sight.
func (t *translator) completed(e *isuride.Event) error {
	r := e.Ride
	known, ok := t.store.RideByID(r.ID)
	if !ok {
		return unknown("ride", r.ID)
	}
	t.ride(Update, user|operator, r, known.Fare)
	t.ride(Delete, chair, r, known.Fare)
	t.status(Update, user|operator, r.UserID, r.ID, r.ChairID, e.Status.Status, e.Status.CreatedAt)
	t.status(Delete, chair, r.UserID, r.ID, r.ChairID, e.Status.Status, e.Status.CreatedAt)
	t.paymentOf(Update, r.UserID, r.ID, known.Fare, r.UpdatedAt)
	id := t.names.ride(r.ID)
	t.add(change{table: city, action: Delete, entity: r.UserID, key: id, kind: "ride"}, row{id: id})
	return nil
}

// image returns the rows of an image, as insertions. Columns are the same as events say
// them.
func (t *translator) image(i *state.Image) []change {
	t.begin()
	switch {
	case i.Owner != nil:
		t.owner(Insert, i.Owner)
	case i.Chair != nil:
		t.chairImage(i.Chair)
	case i.User != nil:
		t.userImage(i.User)
	}
	return t.out
}

func (t *translator) chairImage(c *state.ChairImage) {
	t.chair(Insert, &c.Chair)
	l := isuride.ChairLocation{ChairID: c.ID}
	if c.Track.Reported != 0 {
		l.Coordinate, l.CreatedAt = c.Track.At, c.Track.Reported
	}
	t.position(Insert, c.OwnerID, &l)
	t.roadChair(&c.Chair, c.Track)
}

func (t *translator) userImage(u *state.UserImage) {
	t.user(Insert, &u.User)
	for i := range u.Coupons {
		t.coupon(Insert, &u.Coupons[i])
	}
	for i := range u.Rides {
		t.rideImage(&u.Rides[i])
	}
}

func (t *translator) rideImage(r *state.RideImage) {
	see := classSet(user | operator)
	if !r.Done && r.ChairID != "" {
		see = user | chair | operator
	}
	t.ride(Insert, see, &r.Ride, r.Fare)
	t.status(Insert, see, r.UserID, r.ID, r.ChairID, r.Status, r.StatusAt)
	switch {
	case r.Done:
		t.paymentOf(Insert, r.UserID, r.ID, r.Fare, r.UpdatedAt)
		return
	case r.Charge != (isuride.OpenCharge{}):
		t.paymentOf(Insert, r.UserID, r.ID, r.Fare, 0)
	}
	t.roadRide(&r.Ride, r.Status, r.StatusAt)
}

// rows of a user's image may be many: the memory for them is not kept.
const keptChanges = 1024

// rest gives back what an image has made grow.
func (t *translator) rest() {
	if cap(t.out) > keptChanges {
		t.out, t.rows = slices.Clip(make([]change, 0, 16)), make([]row, 0, 16)
	}
}
