package isuride

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The journal's form of an event: kind, a version unless it is 1, a mask of the rows
// present, then the rows in the order of the mask's bits. Strings are length and bytes,
// times eight bytes (as a varint they would be no shorter), other numbers varints.
//
// Each kind has versions of its own, since a server may find what any earlier release
// wrote. Version 1 is the kind's byte alone; a later one sets its high bit, and the
// version follows. To change a kind: raise its number in versionOf, write the new fields
// at the end of the event in appendLater, and read them in decodeLater from that version
// on, with what they are in older events as the default. Old versions stay readable, only
// the newest is written.

const laterVersion = 0x80

// versions is the newest version of each kind; 0 is 1.
type versions [laterVersion]uint8

var versionOf = versions{RideAssigned: 2}

// appendLater appends what came to a kind after its version 1.
func (e *Event) appendLater(dst []byte, version uint8) []byte {
	if e.Kind == RideAssigned && version >= 2 {
		dst = e.Why.append(dst)
	}
	return dst
}

// decodeLater reads what appendLater wrote in a version of the kind.
func (d *Decoder) decodeLater(p *parser, version uint8) {
	if d.event.Kind == RideAssigned && version >= 2 {
		d.event.Why = p.why(&d.why, &d.lost)
	}
}

const (
	hasOwner = 1 << iota
	hasChair
	hasLocation
	hasUser
	hasToken
	hasRide
	hasStatus
	hasCharge
	hasCoupons
	hasHash
	hasBegin
	allRows = 1<<iota - 1
)

// Append appends the event's bytes to dst. It allocates only when dst is too small.
func (e *Event) Append(dst []byte) []byte {
	return e.append(dst, versionOf[e.Kind&^laterVersion])
}

func (e *Event) append(dst []byte, version uint8) []byte {
	if version > 1 {
		dst = append(dst, byte(e.Kind)|laterVersion, version)
	} else {
		dst = append(dst, byte(e.Kind))
	}
	dst = binary.AppendUvarint(dst, uint64(e.mask()))
	if r := e.Owner; r != nil {
		dst = appendStrings(dst, r.ID, r.Name, r.AccessToken, r.ChairRegisterToken)
		dst = appendTimes(dst, r.CreatedAt, r.UpdatedAt)
	}
	if r := e.Chair; r != nil {
		dst = appendStrings(dst, r.ID, r.OwnerID, r.Name, r.Model, r.AccessToken)
		dst = appendTimes(dst, r.CreatedAt, r.UpdatedAt)
		dst = appendBool(dst, r.IsActive)
	}
	if r := e.Location; r != nil {
		dst = appendStrings(dst, r.ID, r.ChairID)
		dst = appendCoordinate(dst, r.Coordinate)
		dst = appendTimes(dst, r.CreatedAt)
	}
	if r := e.User; r != nil {
		dst = appendStrings(dst, r.ID, r.Username, r.Firstname, r.Lastname, r.DateOfBirth, r.AccessToken, r.InvitationCode)
		dst = appendTimes(dst, r.CreatedAt, r.UpdatedAt)
	}
	if r := e.Token; r != nil {
		dst = appendStrings(dst, r.UserID, r.Token)
		dst = appendTimes(dst, r.CreatedAt)
	}
	if r := e.Ride; r != nil {
		dst = appendStrings(dst, r.ID, r.UserID, r.ChairID)
		dst = appendCoordinate(appendCoordinate(dst, r.Pickup), r.Destination)
		dst = append(dst, byte(r.Evaluation))
		dst = appendTimes(dst, r.CreatedAt, r.UpdatedAt)
	}
	if r := e.Status; r != nil {
		dst = appendStrings(dst, r.ID, r.RideID)
		dst = append(dst, byte(r.Status))
		dst = appendTimes(dst, r.CreatedAt, r.AppSentAt, r.ChairSentAt)
	}
	if r := e.Charge; r != nil {
		dst = appendStrings(dst, r.RideID)
		dst = append(dst, byte(r.Evaluation))
	}
	if len(e.Coupons) > 0 {
		dst = binary.AppendUvarint(dst, uint64(len(e.Coupons)))
		for i := range e.Coupons {
			dst = appendCoupon(dst, &e.Coupons[i])
		}
	}
	if r := e.Hash; r != nil {
		dst = appendTimes(dst, r.At)
		for _, n := range [...]uint64{r.Position, r.Form, r.Hi, r.Lo, r.Released} {
			dst = binary.AppendUvarint(dst, n)
		}
	}
	if r := e.Begin; r != nil {
		dst = binary.AppendUvarint(appendTimes(dst, r.At), r.Generation)
		dst = appendStrings(dst, r.PaymentServer, r.Data)
	}
	return e.appendLater(dst, version)
}

// IsReport reports whether the bytes are of a ChairMoved that changed no status: most events
// are, and some readers want none of them.
func IsReport(b []byte) bool {
	return len(b) > 1 && b[0] == byte(ChairMoved) && b[1] == hasLocation
}

// ReadReport reads what a report says without making an Event of it: IsReport is true of the bytes. The
// chair's id is a part of them. It reports false if they are damaged.
func ReadReport(b []byte) (chairID []byte, at Coordinate, recorded Time, ok bool) {
	p := parser{rest: b[2:]}
	p.bytes() // the location's own id
	chairID, at, recorded = p.bytes(), p.coordinate(), p.time()
	return chairID, at, recorded, !p.failed && len(p.rest) == 0
}

// IsDelivery reports whether the bytes are of a StatusDelivered: there are two for each status, and
// they change nothing that others than the recipient see.
func IsDelivery(b []byte) bool { return len(b) > 0 && Kind(b[0]&^laterVersion) == StatusDelivered }

func (e *Event) mask() (m uint) {
	if e.Owner != nil {
		m |= hasOwner
	}
	if e.Chair != nil {
		m |= hasChair
	}
	if e.Location != nil {
		m |= hasLocation
	}
	if e.User != nil {
		m |= hasUser
	}
	if e.Token != nil {
		m |= hasToken
	}
	if e.Ride != nil {
		m |= hasRide
	}
	if e.Status != nil {
		m |= hasStatus
	}
	if e.Charge != nil {
		m |= hasCharge
	}
	if len(e.Coupons) > 0 {
		m |= hasCoupons
	}
	if e.Hash != nil {
		m |= hasHash
	}
	if e.Begin != nil {
		m |= hasBegin
	}
	return m
}

func appendCoupon(dst []byte, c *Coupon) []byte {
	dst = appendStrings(dst, c.UserID, c.Code, c.UsedBy)
	dst = binary.AppendVarint(dst, int64(c.Discount))
	return appendTimes(dst, c.CreatedAt)
}

func appendStrings(dst []byte, values ...string) []byte {
	for _, s := range values {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}
	return dst
}

func appendTimes(dst []byte, values ...Time) []byte {
	for _, t := range values {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(t))
	}
	return dst
}

func appendCoordinate(dst []byte, c Coordinate) []byte {
	dst = binary.AppendVarint(dst, int64(c.Latitude))
	return binary.AppendVarint(dst, int64(c.Longitude))
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// Decoder turns bytes back into events. The event and its rows live in the decoder
// and are overwritten by the next Decode; strings are the caller's to keep. The zero
// value is ready; it is not safe for concurrent use.
type Decoder struct {
	event    Event
	owner    Owner
	chair    Chair
	location ChairLocation
	user     User
	token    PaymentToken
	ride     Ride
	status   RideStatus
	charge   Charge
	coupons  []Coupon
	hash     StateHash
	begin    Beginning
	why      Why
	lost     [MaxRivals]Rival
}

var errShort = errors.New("event ends early")

// Decode parses what Append wrote, in this release or an earlier one; anything else is an
// error.
func (d *Decoder) Decode(b []byte) (*Event, error) {
	return d.decode(b, &versionOf)
}

func (d *Decoder) decode(b []byte, known *versions) (*Event, error) {
	p := parser{rest: b}
	kind, version := p.kind()
	d.event = Event{Kind: kind}
	if newest := max(known[kind], 1); version > newest {
		return nil, fmt.Errorf("event %s has version %d, this server knows versions up to %d; start the release that wrote it, or a later one", kind, version, newest)
	}
	mask := p.uvarint()
	if mask&hasOwner != 0 {
		d.owner = Owner{ID: p.string(), Name: p.string(), AccessToken: p.string(), ChairRegisterToken: p.string(),
			CreatedAt: p.time(), UpdatedAt: p.time()}
		d.event.Owner = &d.owner
	}
	if mask&hasChair != 0 {
		d.chair = Chair{ID: p.string(), OwnerID: p.string(), Name: p.string(), Model: p.string(), AccessToken: p.string(),
			CreatedAt: p.time(), UpdatedAt: p.time(), IsActive: p.byte() == 1}
		d.event.Chair = &d.chair
	}
	if mask&hasLocation != 0 {
		d.location = ChairLocation{ID: p.string(), ChairID: p.string(), Coordinate: p.coordinate(), CreatedAt: p.time()}
		d.event.Location = &d.location
	}
	if mask&hasUser != 0 {
		d.user = User{ID: p.string(), Username: p.string(), Firstname: p.string(), Lastname: p.string(),
			DateOfBirth: p.string(), AccessToken: p.string(), InvitationCode: p.string(), CreatedAt: p.time(), UpdatedAt: p.time()}
		d.event.User = &d.user
	}
	if mask&hasToken != 0 {
		d.token = PaymentToken{UserID: p.string(), Token: p.string(), CreatedAt: p.time()}
		d.event.Token = &d.token
	}
	if mask&hasRide != 0 {
		d.ride = Ride{ID: p.string(), UserID: p.string(), ChairID: p.string(), Pickup: p.coordinate(), Destination: p.coordinate(),
			Evaluation: int(p.byte()), CreatedAt: p.time(), UpdatedAt: p.time()}
		d.event.Ride = &d.ride
	}
	if mask&hasStatus != 0 {
		d.status = RideStatus{ID: p.string(), RideID: p.string(), Status: p.status(),
			CreatedAt: p.time(), AppSentAt: p.time(), ChairSentAt: p.time()}
		d.event.Status = &d.status
	}
	if mask&hasCharge != 0 {
		d.charge = Charge{RideID: p.string(), Evaluation: int(p.byte())}
		d.event.Charge = &d.charge
	}
	if mask&hasCoupons != 0 {
		d.coupons = d.coupons[:0]
		n := p.uvarint()
		p.failed = p.failed || n == 0 // then there is no such bit
		for ; n > 0 && !p.failed; n-- {
			d.coupons = append(d.coupons, p.coupon())
		}
		d.event.Coupons = d.coupons
	}
	if mask&hasHash != 0 {
		d.hash = StateHash{At: p.time(), Position: p.uvarint(), Form: p.uvarint(), Hi: p.uvarint(), Lo: p.uvarint(), Released: p.uvarint()}
		d.event.Hash = &d.hash
	}
	if mask&hasBegin != 0 {
		d.begin = Beginning{At: p.time(), Generation: p.uvarint(), PaymentServer: p.string(), Data: p.string()}
		d.event.Begin = &d.begin
	}
	d.decodeLater(&p, version)
	return d.check(&p, mask)
}

func (d *Decoder) check(p *parser, mask uint64) (*Event, error) {
	e := &d.event
	switch need, known := rowsOf[e.Kind]; {
	case p.failed:
		return nil, fmt.Errorf("%s: %w", e.Kind, errShort)
	case mask > allRows:
		return nil, fmt.Errorf("event %s has rows that this server does not know: mask %#x", e.Kind, mask)
	case len(p.rest) > 0:
		return nil, fmt.Errorf("event %s has %d bytes too many", e.Kind, len(p.rest))
	case !known:
		return nil, fmt.Errorf("event %s is unknown to this server; start the release that wrote it, or a later one", e.Kind)
	case mask&need != need:
		return nil, fmt.Errorf("event %s lacks rows: has mask %#x, needs %#x", e.Kind, mask, need)
	}
	return e, nil
}

// rowsOf lists the rows without which an event of that kind makes no sense.
var rowsOf = map[Kind]uint64{
	OwnerRegistered:      hasOwner,
	ChairRegistered:      hasChair,
	ChairActivityChanged: hasChair,
	ChairMoved:           hasLocation,
	UserRegistered:       hasUser | hasCoupons,
	PaymentTokenSet:      hasToken,
	RideRequested:        hasRide | hasStatus,
	RideAssigned:         hasRide,
	RideAdvanced:         hasStatus,
	ChargeStarted:        hasCharge,
	ChargeFailed:         hasCharge,
	RideCompleted:        hasRide | hasStatus,
	StatusDelivered:      hasStatus,
	StateHashed:          hasHash,
	Initialized:          hasBegin,
}

// parser reads from the front of rest; after a failure it yields zeroes.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) byte() byte {
	if len(p.rest) == 0 {
		p.failed = true
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// kind reads the kind and its version. Version 1 has no byte of its own.
func (p *parser) kind() (Kind, uint8) {
	b := p.byte()
	if b&laterVersion == 0 {
		return Kind(b), 1
	}
	version := p.byte()
	p.failed = p.failed || version <= 1
	return Kind(b &^ laterVersion), version
}

func (p *parser) uvarint() uint64 {
	v, n := binary.Uvarint(p.rest)
	return skip(p, v, n)
}

func (p *parser) varint() int64 {
	v, n := binary.Varint(p.rest)
	return skip(p, v, n)
}

func skip[N uint64 | int64](p *parser, v N, n int) N {
	if n <= 0 {
		p.failed, p.rest = true, nil
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *parser) string() string { return string(p.bytes()) }

// bytes returns those of a string, as a part of what is read.
func (p *parser) bytes() []byte {
	n := p.uvarint()
	if n > uint64(len(p.rest)) {
		p.failed, p.rest = true, nil
		return nil
	}
	s := p.rest[:n]
	p.rest = p.rest[n:]
	return s
}

func (p *parser) time() Time {
	if len(p.rest) < 8 {
		p.failed, p.rest = true, nil
		return 0
	}
	t := Time(binary.LittleEndian.Uint64(p.rest))
	p.rest = p.rest[8:]
	return t
}

func (p *parser) coordinate() Coordinate {
	return Coordinate{Latitude: int32(p.varint()), Longitude: int32(p.varint())}
}

func (p *parser) status() Status {
	s := Status(p.byte())
	if s < Matching || s > Completed {
		p.failed = true
	}
	return s
}

func (p *parser) coupon() Coupon {
	return Coupon{UserID: p.string(), Code: p.string(), UsedBy: p.string(), Discount: int(p.varint()), CreatedAt: p.time()}
}
