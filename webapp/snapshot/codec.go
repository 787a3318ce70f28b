package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// An image is its kind, its position as the difference from the one before, and the fields in
// the order of the code below. Strings are length and bytes, numbers varints; times are
// differences where one is near another. A change of any of it is a new version of the format.
const (
	kindOwner = 1 + iota
	kindChair
	kindUser
)

// Bits of a ride, after its status (3 bits).
const (
	rideDone = 8 << iota
	rideMatching
	rideCharge
	rideHasOddTime // statusAt is not updatedAt
)

// encoder writes images. A chair's id is written once, and is a number from then on.
type encoder struct {
	position uint64
	chairs   map[string]uint64
}

func (e *encoder) image(b []byte, i *state.Image) []byte {
	kind := byte(kindOwner)
	switch {
	case i.Chair != nil:
		kind = kindChair
	case i.User != nil:
		kind = kindUser
	}
	b = binary.AppendUvarint(append(b, kind), i.Position-e.position)
	e.position = i.Position
	switch kind {
	case kindOwner:
		return e.owner(b, i.Owner)
	case kindChair:
		return e.chair(b, i.Chair)
	}
	return e.user(b, i.User)
}

func (e *encoder) owner(b []byte, o *isuride.Owner) []byte {
	b = texts(b, o.ID, o.Name, o.AccessToken, o.ChairRegisterToken)
	return times(b, o.CreatedAt, o.UpdatedAt)
}

func (e *encoder) chair(b []byte, c *state.ChairImage) []byte {
	if e.chairs == nil {
		e.chairs = map[string]uint64{}
	}
	e.chairs[c.ID] = uint64(len(e.chairs)) + 1
	b = texts(b, c.ID, c.OwnerID, c.Name, c.Model, c.AccessToken, c.RideID)
	b = times(b, c.CreatedAt, c.UpdatedAt)
	b = flag(b, c.IsActive)
	b = place(b, c.Track.At)
	b = times(ints(b, c.Track.Distance), c.Track.Reported)
	b = ints(b, int64(c.Stats.Rides), int64(c.Stats.EvaluationSum))
	b = binary.AppendUvarint(b, uint64(len(c.Sales)))
	last := state.Sale{}
	for _, s := range c.Sales {
		b = ints(b, int64(s.At-last.At), int64(s.Sum-last.Sum))
		last = s
	}
	return e.log(b, &c.Log)
}

func (e *encoder) user(b []byte, u *state.UserImage) []byte {
	b = texts(b, u.ID, u.Username, u.Firstname, u.Lastname, u.DateOfBirth, u.AccessToken, u.InvitationCode, u.Token)
	b = times(b, u.CreatedAt, u.UpdatedAt)
	b = ints(b, int64(u.Invited))
	b = binary.AppendUvarint(b, uint64(len(u.Coupons)))
	for i := range u.Coupons {
		c := &u.Coupons[i]
		b = texts(b, c.UserID, c.Code, c.UsedBy)
		b = ints(b, int64(c.Discount), int64(c.CreatedAt))
	}
	b = binary.AppendUvarint(b, uint64(len(u.Rides)))
	last := u.CreatedAt
	for i := range u.Rides {
		b = e.ride(b, &u.Rides[i], last)
		last = u.Rides[i].UpdatedAt
	}
	return e.log(b, &u.Log)
}

func (e *encoder) ride(b []byte, r *state.RideImage, last isuride.Time) []byte {
	bits := byte(r.Status)
	if r.Done {
		bits |= rideDone
	}
	if r.MatchingID != "" {
		bits |= rideMatching
	}
	if r.Charge != (isuride.OpenCharge{}) {
		bits |= rideCharge
	}
	if r.StatusAt != r.UpdatedAt {
		bits |= rideHasOddTime
	}
	b = texts(append(b, bits, r.Passed, byte(r.Evaluation)), r.ID)
	b = e.chairID(b, r.ChairID)
	b = place(place(b, r.Pickup), r.Destination)
	b = ints(b, int64(r.CreatedAt-last), int64(r.UpdatedAt-r.CreatedAt), int64(r.Fare))
	if bits&rideHasOddTime != 0 {
		b = ints(b, int64(r.StatusAt-r.UpdatedAt))
	}
	if bits&rideMatching != 0 {
		b = ints(texts(b, r.MatchingID), int64(r.MatchingAt-r.CreatedAt))
	}
	if bits&rideCharge != 0 {
		b = append(binary.AppendUvarint(b, r.Charge.Seq), byte(r.Charge.Evaluation))
	}
	return b
}

// chairID writes 0 for a chair that comes with its id, or for none; else the chair's number.
func (e *encoder) chairID(b []byte, id string) []byte {
	if n := e.chairs[id]; n > 0 {
		return binary.AppendUvarint(b, n)
	}
	return texts(append(b, 0), id)
}

func (e *encoder) log(b []byte, l *state.LogImage) []byte {
	b = flag(b, l.Delivered)
	b = binary.AppendUvarint(b, uint64(len(l.Messages)))
	for i := range l.Messages {
		m := &l.Messages[i]
		b = texts(append(b, byte(m.Status)), m.RideID, m.RowID)
		b = ints(b, int64(m.Stats.Rides), int64(m.Stats.EvaluationSum), int64(m.UpdatedAt), int64(m.RowAt))
	}
	return b
}

func texts(b []byte, values ...string) []byte {
	for _, s := range values {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

func ints(b []byte, values ...int64) []byte {
	for _, v := range values {
		b = binary.AppendVarint(b, v)
	}
	return b
}

func times(b []byte, values ...isuride.Time) []byte {
	for _, t := range values {
		b = binary.AppendVarint(b, int64(t))
	}
	return b
}

func place(b []byte, c isuride.Coordinate) []byte {
	return ints(b, int64(c.Latitude), int64(c.Longitude))
}

func flag(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// decoder reads what an encoder wrote. After a failure it yields zeroes. Images are lent until
// the next one; strings stay.
type decoder struct {
	rest     []byte
	failed   bool
	position uint64
	chairs   []string // ids by number
	arena    []byte   // room for strings

	owner isuride.Owner
	chair state.ChairImage
	user  state.UserImage
}

var errImage = errors.New("it ends early, or is none")

func (d *decoder) begin(block []byte) { d.rest = block }
func (d *decoder) more() bool         { return len(d.rest) > 0 }

func (d *decoder) image() (*state.Image, error) {
	kind := d.byte()
	d.position += d.uvarint()
	i := &state.Image{Position: d.position}
	switch kind {
	case kindOwner:
		d.readOwner()
		i.Owner = &d.owner
	case kindChair:
		d.readChair()
		i.Chair = &d.chair
	case kindUser:
		d.readUser()
		i.User = &d.user
	default:
		return nil, fmt.Errorf("its kind is %d", kind)
	}
	if d.failed {
		return nil, errImage
	}
	return i, nil
}

func (d *decoder) readOwner() {
	d.owner = isuride.Owner{ID: d.text(), Name: d.text(), AccessToken: d.text(), ChairRegisterToken: d.text(), CreatedAt: d.time(), UpdatedAt: d.time()}
}

func (d *decoder) readChair() {
	c := &d.chair
	*c = state.ChairImage{Sales: c.Sales[:0], Log: c.Log}
	c.ID, c.OwnerID, c.Name, c.Model, c.AccessToken, c.RideID = d.text(), d.text(), d.text(), d.text(), d.text(), d.text()
	d.chairs = append(d.chairs, c.ID)
	c.CreatedAt, c.UpdatedAt, c.IsActive = d.time(), d.time(), d.byte() == 1
	c.Track = state.Track{At: d.place(), Distance: d.int(), Reported: d.time()}
	c.Stats = state.Stats{Rides: int32(d.int()), EvaluationSum: int32(d.int())}
	last := state.Sale{}
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		last.At += d.time()
		last.Sum += int(d.int())
		c.Sales = append(c.Sales, last)
	}
	d.log(&c.Log)
}

func (d *decoder) readUser() {
	u := &d.user
	*u = state.UserImage{Coupons: u.Coupons[:0], Rides: u.Rides[:0], Log: u.Log}
	u.ID, u.Username, u.Firstname, u.Lastname = d.text(), d.text(), d.text(), d.text()
	u.DateOfBirth, u.AccessToken, u.InvitationCode, u.Token = d.text(), d.text(), d.text(), d.text()
	u.CreatedAt, u.UpdatedAt, u.Invited = d.time(), d.time(), int(d.int())
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		u.Coupons = append(u.Coupons, isuride.Coupon{UserID: d.text(), Code: d.text(), UsedBy: d.text(), Discount: int(d.int()), CreatedAt: d.time()})
	}
	last := u.CreatedAt
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		u.Rides = append(u.Rides, state.RideImage{})
		r := &u.Rides[len(u.Rides)-1]
		d.ride(r, last)
		r.UserID, last = u.ID, r.UpdatedAt
	}
	d.log(&u.Log)
}

func (d *decoder) ride(r *state.RideImage, last isuride.Time) {
	bits := d.byte()
	r.Status, r.Done = isuride.Status(bits&7), bits&rideDone != 0
	r.Passed, r.Evaluation = d.byte(), int(d.byte())
	r.ID, r.ChairID = d.text(), d.chairID()
	r.Pickup, r.Destination = d.place(), d.place()
	r.CreatedAt = last + d.time()
	r.UpdatedAt = r.CreatedAt + d.time()
	r.Fare, r.StatusAt = int(d.int()), r.UpdatedAt
	if bits&rideHasOddTime != 0 {
		r.StatusAt += d.time()
	}
	if bits&rideMatching != 0 {
		r.MatchingID, r.MatchingAt = d.text(), r.CreatedAt+d.time()
	}
	if bits&rideCharge != 0 {
		r.Charge = isuride.OpenCharge{Seq: d.uvarint(), Evaluation: int(d.byte())}
	}
}

func (d *decoder) chairID() string {
	n := d.uvarint()
	switch {
	case n == 0:
		return d.text()
	case n > uint64(len(d.chairs)):
		d.failed = true
		return ""
	}
	return d.chairs[n-1]
}

func (d *decoder) log(l *state.LogImage) {
	l.Delivered, l.Messages = d.byte() == 1, l.Messages[:0]
	for n := d.uvarint(); n > 0 && !d.failed; n-- {
		l.Messages = append(l.Messages, state.MessageImage{Status: isuride.Status(d.byte()), RideID: d.text(), RowID: d.text(),
			Stats: state.Stats{Rides: int32(d.int()), EvaluationSum: int32(d.int())}, UpdatedAt: d.time(), RowAt: d.time()})
	}
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.failed = true
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	return took(d, v, n)
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.rest)
	return took(d, v, n)
}

func took[N uint64 | int64](d *decoder, v N, n int) N {
	if n <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) time() isuride.Time { return isuride.Time(d.int()) }

func (d *decoder) place() isuride.Coordinate {
	return isuride.Coordinate{Latitude: int32(d.int()), Longitude: int32(d.int())}
}

// arenaBytes is the room that strings share. Most live as long as the state, and a million of
// them allocated one by one would take a fifth more memory, and time.
const arenaBytes = 64 << 10

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.failed, d.rest = true, nil
		return ""
	}
	if n == 0 {
		return ""
	}
	if uint64(cap(d.arena)-len(d.arena)) < n {
		d.arena = make([]byte, 0, max(arenaBytes, n))
	}
	at := len(d.arena)
	d.arena = append(d.arena, d.rest[:n]...)
	d.rest = d.rest[n:]
	return unsafe.String(&d.arena[at], n) // never written again
}
