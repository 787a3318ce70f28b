package state

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"

	"isuride/webapp/isuride"
)

// Hash is a sum of 128 bits over all that events determine. Two stores that the same events have
// made have the same, whatever way they came about: live, replayed, restored from a snapshot, or
// loaded from SQL. It is no defence against somebody who wants two states to look alike.
//
// The state is taken as a set of facts: groups of fields that change together, each with the id of
// what it is about. The hash is the sum, modulo 2^64 in each half, of the facts' hashes, so their order does not
// matter, and an event changes it by what it adds minus what it removes (delta).
//
// Facts are: rows of owners, chairs, users, coupons and rides; a chair's activity, track, ride,
// stats and sales; a user's token and invitations; a ride's status; open charges; the last
// delivered and the pending notifications. Left out is
//
//   - what lives in this process only: resting chairs, completions that a rider may not know of,
//     slots of free chairs, streams;
//   - what follows from the rest: indexes, counts, waiting rides;
//   - what no event changes: settings and models;
//   - what no row has: what a notification says beside its status, which a load from SQL takes from
//     the ride as it is by then, and the place of an open charge in the log.
//
// What is replaced is hashed as it is found in memory, not as it was when it came in. So a field
// that is changed by anything but an event leaves the sum different from a full count for ever, also when the next event
// builds on the wrong value, as a chair's distance does. A hash kept with each entity would be a
// little faster and lose that, and it would take memory.
type Hash struct{ Hi, Lo uint64 }

// HashForm is the version of the facts. Hashes of different forms cannot be compared.
const HashForm = 1

// String returns 32 hexadecimal digits.
func (h Hash) String() string { return fmt.Sprintf("%016x%016x", h.Hi, h.Lo) }

func (h Hash) plus(o Hash) Hash  { return Hash{h.Hi + o.Hi, h.Lo + o.Lo} }
func (h Hash) minus(o Hash) Hash { return Hash{h.Hi - o.Hi, h.Lo - o.Lo} }

// A fact is hashed as a letter, the id of what it is about, and its fields, each of them a word of 8
// bytes, strings by their own hashes: words that are read as they were written cost half of what a
// copy of the strings does. A group of fields that is empty is no fact and counts zero.
const (
	factOwner     = 'o'
	factChair     = 'c'
	factActivity  = 'a'
	factTrack     = 't'
	factHeld      = 'h'
	factStats     = 's'
	factSale      = 'S'
	factUser      = 'u'
	factToken     = 'T'
	factInvited   = 'i'
	factCoupon    = 'C'
	factRide      = 'r'
	factStatus    = 'R'
	factCharge    = '$'
	factPending   = 'p'
	factDelivered = 'd'
)

// factRoom is enough for the longest fact, of 12 words.
const factRoom = 96

// keyOf returns the word of a string.
func keyOf(s string) uint64 { return xxh3.HashString(s) }

func begin(b []byte, letter byte, id string) []byte { return text(number(b, letter), id) }

func text(b []byte, s string) []byte { return binary.LittleEndian.AppendUint64(b, keyOf(s)) }

func number[N ~int | ~int32 | ~int64 | ~uint8](b []byte, n N) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(n))
}

func place(b []byte, c isuride.Coordinate) []byte {
	return binary.LittleEndian.AppendUint64(b, placeWord(c))
}

func placeWord(c isuride.Coordinate) uint64 {
	return uint64(uint32(c.Latitude))<<32 | uint64(uint32(c.Longitude))
}

func bit(v bool) uint8 {
	if v {
		return 1
	}
	return 0
}

func hashOf(fact []byte) Hash { return Hash(xxh3.Hash128(fact)) }

func ownerFact(o *isuride.Owner) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factOwner, o.ID)
	b = text(text(text(b, o.Name), o.AccessToken), o.ChairRegisterToken)
	return hashOf(number(number(b, o.CreatedAt), o.UpdatedAt))
}

func chairFact(c *isuride.Chair) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factChair, c.ID)
	b = text(text(text(text(b, c.OwnerID), c.Name), c.Model), c.AccessToken)
	return hashOf(number(b, c.CreatedAt))
}

func activityFact(chairID string, active bool, at isuride.Time) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factActivity, chairID)
	return hashOf(number(number(b, bit(active)), at))
}

// trackFact is in every position report, twice: no slice grows in it, and the chair's id is hashed
// once for ever (keyOf).
func trackFact(key uint64, t *Track) Hash {
	if t.Reported == 0 {
		return Hash{}
	}
	var b [40]byte
	binary.LittleEndian.PutUint64(b[0:], factTrack)
	binary.LittleEndian.PutUint64(b[8:], key)
	binary.LittleEndian.PutUint64(b[16:], placeWord(t.At))
	binary.LittleEndian.PutUint64(b[24:], uint64(t.Distance))
	binary.LittleEndian.PutUint64(b[32:], uint64(t.Reported))
	return hashOf(b[:])
}

func heldFact(chairID, rideID string) Hash {
	if rideID == "" {
		return Hash{}
	}
	var room [factRoom]byte
	b := begin(room[:0], factHeld, chairID)
	return hashOf(text(b, rideID))
}

func statsFact(chairID string, s Stats) Hash {
	if s == (Stats{}) {
		return Hash{}
	}
	var room [factRoom]byte
	b := begin(room[:0], factStats, chairID)
	return hashOf(number(number(b, s.Rides), s.EvaluationSum))
}

// saleFact is about the n-th completed ride, the first being 0.
func saleFact(chairID string, n int, s Sale) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factSale, chairID)
	return hashOf(number(number(number(b, n), s.At), s.Sum))
}

func userFact(u *isuride.User) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factUser, u.ID)
	b = text(text(text(text(b, u.Username), u.Firstname), u.Lastname), u.DateOfBirth)
	b = text(text(b, u.AccessToken), u.InvitationCode)
	return hashOf(number(number(b, u.CreatedAt), u.UpdatedAt))
}

func tokenFact(userID, token string) Hash {
	if token == "" {
		return Hash{}
	}
	var room [factRoom]byte
	b := begin(room[:0], factToken, userID)
	return hashOf(text(b, token))
}

func invitedFact(userID string, n int) Hash {
	if n == 0 {
		return Hash{}
	}
	var room [factRoom]byte
	b := begin(room[:0], factInvited, userID)
	return hashOf(number(b, n))
}

func couponFact(c *isuride.Coupon) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factCoupon, c.UserID)
	b = text(text(b, c.Code), c.UsedBy)
	return hashOf(number(number(b, c.Discount), c.CreatedAt))
}

// rideFact is about what the request has fixed.
func rideFact(r *isuride.Ride, fare int) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factRide, r.ID)
	b = text(b, r.UserID)
	b = place(place(b, r.Pickup), r.Destination)
	return hashOf(number(number(b, r.CreatedAt), fare))
}

// moment is what changes of a ride.
type moment struct {
	chairID    string
	status     isuride.Status
	statusAt   isuride.Time
	passed     statusSet
	done       bool
	evaluation int
	updatedAt  isuride.Time
	matching   statusRow // does not count once done: a walk may have kept it
}

func statusFact(rideID string, m *moment) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factStatus, rideID)
	b = number(number(number(text(b, m.chairID), m.status), m.passed), m.evaluation)
	b = number(number(number(b, bit(m.done)), m.statusAt), m.updatedAt)
	if !m.done {
		b = number(text(b, m.matching.id), m.matching.at)
	}
	return hashOf(b)
}

func chargeFact(rideID string, evaluation int) Hash {
	var room [factRoom]byte
	b := begin(room[:0], factCharge, rideID)
	return hashOf(number(b, evaluation))
}

// messageKey is the word of a notification and its recipient.
func messageKey(to Side, recipient uint64, rideID string, status isuride.Status, row statusRow) uint64 {
	var b [40]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(to)<<8|uint64(status))
	binary.LittleEndian.PutUint64(b[8:], recipient)
	binary.LittleEndian.PutUint64(b[16:], keyOf(rideID))
	binary.LittleEndian.PutUint64(b[24:], keyOf(row.id))
	binary.LittleEndian.PutUint64(b[32:], uint64(row.at))
	return xxh3.Hash(b[:])
}

// messageFact is about a notification that its recipient has, or will have.
func messageFact(letter byte, key uint64) Hash {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(letter))
	binary.LittleEndian.PutUint64(b[8:], key)
	return hashOf(b[:])
}

// hash returns the sum of an image's facts.
func (i *Image) hash() Hash {
	switch {
	case i.Owner != nil:
		return ownerFact(i.Owner)
	case i.Chair != nil:
		return i.Chair.hash()
	}
	return i.User.hash()
}

func (c *ChairImage) hash() Hash {
	h := chairFact(&c.Chair).plus(activityFact(c.ID, c.IsActive, c.UpdatedAt)).plus(trackFact(keyOf(c.ID), &c.Track))
	h = h.plus(heldFact(c.ID, c.RideID)).plus(statsFact(c.ID, c.Stats))
	for n, sale := range c.Sales {
		h = h.plus(saleFact(c.ID, n, sale))
	}
	return h.plus(c.Log.hash(ToChair, c.ID))
}

func (u *UserImage) hash() Hash {
	h := userFact(&u.User).plus(tokenFact(u.ID, u.Token)).plus(invitedFact(u.ID, u.Invited))
	for i := range u.Coupons {
		h = h.plus(couponFact(&u.Coupons[i]))
	}
	for i := range u.Rides {
		h = h.plus(u.Rides[i].hash())
	}
	return h.plus(u.Log.hash(ToUser, u.ID))
}

func (r *RideImage) hash() Hash {
	h := rideFact(&r.Ride, r.Fare).plus(statusFact(r.ID, &moment{r.ChairID, r.Status, r.StatusAt, statusSet(r.Passed), r.Done, r.Evaluation,
		r.UpdatedAt, statusRow{r.MatchingID, r.MatchingAt}}))
	if r.Charge != (isuride.OpenCharge{}) {
		h = h.plus(chargeFact(r.ID, r.Charge.Evaluation))
	}
	return h
}

func (l *LogImage) hash(to Side, recipientID string) (h Hash) {
	recipient := keyOf(recipientID)
	for i := range l.Messages {
		letter := byte(factPending)
		if i == 0 && l.Delivered {
			letter = factDelivered
		}
		m := &l.Messages[i]
		h = h.plus(messageFact(letter, messageKey(to, recipient, m.RideID, m.Status, statusRow{m.RowID, m.RowAt})))
	}
	return h
}
