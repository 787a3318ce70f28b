package isuride

import "encoding/binary"

// Why is the decision behind an assignment: what the chosen chair cost for the ride, and
// what the two cheapest of the others did. Nothing is computed from it; it lets a person,
// a replay and a replica see the decision. How to read it: docs/dispatch.md.
//
// Costs are in thousandths of a tick (30 ms) and add up to a pair's whole cost. They are
// kept up to MaxTerm either way, 31 s, which no policy in use reaches.
type Why struct {
	Class RideClass
	// Trip and Age are the ride's share, the same for every chair.
	Trip, Age int32
	Chosen    ChairCost
	Lost      []Rival // at most MaxRivals, the cheapest first
}

// ChairCost is the share of a cost that the chair decides.
type ChairCost struct {
	Pickup int32 // way to the rider
	Carry  int32 // way with the rider, against the mean chair
}

// Rival is a chair that another one was preferred to.
type Rival struct {
	Chair ChairRef
	ChairCost
}

// RideClass says what counts before a ride's costs do.
type RideClass uint8

const (
	// UnknownClass is of a decision that was not made by costs.
	UnknownClass RideClass = iota
	// Overdue rides have waited so long that they go before all others.
	Overdue
	// Ordinary rides begin and end within a town.
	Ordinary
	// Elsewhere leads out of the town: such a ride gets a chair that no other one can use.
	Elsewhere
)

// String returns the class in a word.
func (c RideClass) String() string {
	return [...]string{"unknown", "overdue", "ordinary", "elsewhere"}[c&3]
}

// MaxRivals bounds Why.Lost.
const MaxRivals = 2

// MaxTerm bounds each term on both sides, so that it takes three bytes at most.
const MaxTerm = 1<<20 - 1

// Of a pair's cost.
func (w *Why) Cost(c ChairCost) int32 { return w.Trip + w.Age + c.Pickup + c.Carry }

// ChairRef is a chair's id in at most 16 bytes: a ULID in its binary form, or any other
// text of up to 15 bytes. It says of a longer one only that there is a chair.
type ChairRef struct {
	form  refForm
	bytes [refBytes]byte // ULID; or length and text
}

type refForm uint8

const (
	refNone refForm = iota // too long
	refULID
	refText
)

const (
	refBytes   = 16
	ulidLength = 26
)

// RefTo returns the short form of a chair's id.
func RefTo(id string) (r ChairRef) {
	if len(id) == ulidLength && parseULID(&r.bytes, id) {
		r.form = refULID
		return r
	}
	if len(id) > 0 && len(id) < refBytes {
		r = ChairRef{form: refText}
		r.bytes[0] = byte(len(id))
		copy(r.bytes[1:], id)
		return r
	}
	return ChairRef{}
}

// ID returns the chair's id, "" if it was too long to be kept.
func (r ChairRef) ID() string {
	switch r.form {
	case refULID:
		return formatULID(&r.bytes)
	case refText:
		return string(r.bytes[1 : 1+r.bytes[0]])
	}
	return ""
}

// crockford are the digits of a ULID. It is read in capitals only, since it has to come
// back as it was.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// noDigit marks the letters that are no digits of a ULID.
const noDigit = 0xff

var crockfordValues = func() (values [256]byte) {
	for i := range values {
		values[i] = noDigit
	}
	for i := range len(crockford) {
		values[crockford[i]] = byte(i)
	}
	return values
}()

// parseULID reads 26 digits of 5 bits; the first two bits of the 130 are zero.
func parseULID(dst *[refBytes]byte, id string) bool {
	var high, low uint64
	for i := range ulidLength {
		v := crockfordValues[id[i]]
		if v == noDigit {
			return false
		}
		high, low = high<<5|low>>59, low<<5|uint64(v)
	}
	binary.BigEndian.PutUint64(dst[:8], high)
	binary.BigEndian.PutUint64(dst[8:], low)
	return id[0] <= '7'
}

func formatULID(b *[refBytes]byte) string {
	var text [ulidLength]byte
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	for i := ulidLength - 1; i >= 0; i-- {
		text[i] = crockford[low&31]
		low, high = low>>5|high<<59, high>>5
	}
	return string(text[:])
}

// In an event, reasons are one byte of small numbers, then the terms as varints: trip, age,
// the chosen chair's, and for each rival its terms and the bytes of its reference. They
// take at most 57 bytes:
//
//	bits 0, 1  number of rivals; 3: there are no reasons, and nothing follows
//	bits 2, 3  form of the first rival's reference: 0 none (it was too long), 1 ULID,
//	           2 text; bits 4, 5 that of the second
//	bits 6, 7  class of the ride
const noReasons = 3

func (w *Why) append(dst []byte) []byte {
	if w == nil {
		return append(dst, noReasons)
	}
	lost := w.Lost[:min(len(w.Lost), MaxRivals)]
	head := byte(len(lost)) | byte(w.Class&3)<<6
	for i := range lost {
		head |= byte(lost[i].Chair.form) << (2 + 2*i)
	}
	dst = appendTerms(append(dst, head), w.Trip, w.Age, w.Chosen.Pickup, w.Chosen.Carry)
	for i := range lost {
		dst = appendTerms(dst, lost[i].Pickup, lost[i].Carry)
		dst = lost[i].Chair.append(dst)
	}
	return dst
}

func (r *ChairRef) append(dst []byte) []byte {
	switch r.form {
	case refULID:
		return append(dst, r.bytes[:]...)
	case refText:
		return append(dst, r.bytes[:1+r.bytes[0]]...)
	}
	return dst
}

func appendTerms(dst []byte, terms ...int32) []byte {
	for _, t := range terms {
		t = min(max(t, -MaxTerm), MaxTerm)
		switch zigzag := uint32(t<<1 ^ t>>31); { // binary.AppendVarint, faster
		case zigzag < 1<<7:
			dst = append(dst, byte(zigzag))
		case zigzag < 1<<14:
			dst = append(dst, byte(zigzag)|0x80, byte(zigzag>>7))
		default:
			dst = append(dst, byte(zigzag)|0x80, byte(zigzag>>7)|0x80, byte(zigzag>>14))
		}
	}
	return dst
}

// why reads what Why.append wrote into w and room, and returns nil if there are no reasons.
func (p *parser) why(w *Why, room *[MaxRivals]Rival) *Why {
	head := p.byte()
	n := int(head & 3)
	if n == noReasons {
		p.failed = p.failed || head != noReasons
		return nil
	}
	var terms [4]int32
	p.terms(terms[:])
	w.Class, w.Trip, w.Age, w.Chosen = RideClass(head>>6), terms[0], terms[1], ChairCost{terms[2], terms[3]}
	w.Lost = room[:n:n]
	forms := head >> 2 & 15
	for i := range w.Lost { // in place: rivals are large to copy
		r := &w.Lost[i]
		p.terms(terms[:2])
		r.Pickup, r.Carry = terms[0], terms[1]
		p.chairRef(&r.Chair, refForm(forms&3))
		forms >>= 2
	}
	p.failed = p.failed || forms != 0
	if n == 0 {
		w.Lost = nil
	}
	return w
}

// terms reads what appendTerms wrote: at most three bytes each.
func (p *parser) terms(terms []int32) {
	rest := p.rest
	for i := range terms {
		zigzag, size := uint32(0), 0
		switch {
		case len(rest) > 0 && rest[0] < 0x80:
			zigzag, size = uint32(rest[0]), 1
		case len(rest) > 1 && rest[1] < 0x80:
			zigzag, size = uint32(rest[0])&0x7f|uint32(rest[1])<<7, 2
		case len(rest) > 2 && rest[2] < 0x80:
			zigzag, size = uint32(rest[0])&0x7f|uint32(rest[1])&0x7f<<7|uint32(rest[2])<<14, 3
		}
		if size == 0 || zigzag > 2*MaxTerm {
			p.failed, p.rest = true, nil
			return
		}
		terms[i], rest = int32(zigzag>>1)^-int32(zigzag&1), rest[size:]
	}
	p.rest = rest
}

func (p *parser) chairRef(r *ChairRef, form refForm) {
	n := 0
	switch form {
	case refULID:
		n = refBytes
	case refText:
		if len(p.rest) > 0 {
			n = 1 + int(p.rest[0])
		}
		p.failed = p.failed || n < 2 || n > refBytes
	case refNone:
	default:
		p.failed = true
	}
	if n > len(p.rest) {
		p.failed = true
	}
	if p.failed {
		p.rest, *r = nil, ChairRef{}
		return
	}
	r.form = form
	clear(r.bytes[copy(r.bytes[:], p.rest[:n]):])
	p.rest = p.rest[n:]
}
