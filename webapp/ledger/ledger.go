// Package ledger is double entry in whole yen: each posting takes from some accounts what it
// gives to others, and there is no way to make one that does not. A Ledger sums postings up.
//
// It knows neither rides nor coupons, only what they are worth. When a posting is made, and
// whether its amounts are right, is left to state; whether the sums are, to recount.
package ledger

import (
	"fmt"
	"math"
	"sync/atomic"
)

// Account is one of the accounts. A positive balance is a debit.
type Account uint8

const (
	// RidersOwed is debited with the fare of each ride that is requested.
	RidersOwed Account = iota
	// RidersPaid is credited with the fare of each ride that is completed.
	RidersPaid
	// DiscountsGiven is debited with what coupons took off the fares.
	DiscountsGiven
	// GatewayCharged is debited with what the payment gateway has taken.
	GatewayCharged
	// SalesUnderWay is credited with the full fare of a ride at its request, and debited at its
	// completion.
	SalesUnderWay
	// OwnersSales is credited with the full fare of each ride that is completed.
	OwnersSales
	// CouponsIssued is credited with the worth of coupons that are granted.
	CouponsIssued
	// CouponsUsed is debited with that of coupons that rides have used, a surplus included.
	CouponsUsed
	// CouponsOpen is debited with that of coupons when granted, and credited when used.
	CouponsOpen

	accounts
)

// Posting is a set of transfers, and so sums to zero. It can only be put together from those
// below. The zero value moves nothing.
type Posting struct {
	yen                  [accounts]int64
	requested, completed int64 // rides
}

// transfer debits one account and credits another.
func (p *Posting) transfer(debit, credit Account, yen int64) {
	p.yen[debit] += yen
	p.yen[credit] -= yen
}

// maxYen bounds an amount. The longest ride that coordinates allow costs 10^12.
const maxYen = math.MaxInt64 >> 20

// Grant issues a coupon. ok is false if its worth is no amount: negative, or absurd.
func (p *Posting) Grant(worth int) (ok bool) {
	if !amount(worth) {
		return false
	}
	p.transfer(CouponsOpen, CouponsIssued, int64(worth))
	return true
}

// Use consumes a coupon. ok is as that of Grant.
func (p *Posting) Use(worth int) (ok bool) {
	if !amount(worth) {
		return false
	}
	p.transfer(CouponsUsed, CouponsOpen, int64(worth))
	return true
}

// Request bills a ride: its full fare is to come from its rider and, as far as the fare is
// lower, from discounts. ok is false if that is not so.
func (p *Posting) Request(full, fare int) (ok bool) {
	if !amount(full) || !amount(fare) || fare > full {
		return false
	}
	p.transfer(RidersOwed, SalesUnderWay, int64(fare))
	p.transfer(DiscountsGiven, SalesUnderWay, int64(full-fare))
	p.requested++
	return true
}

// Complete settles a ride with the amounts of its Request: the gateway has taken the fare, and
// the owner has earned the full one.
func (p *Posting) Complete(full, fare int) (ok bool) {
	if !amount(full) || !amount(fare) || fare > full {
		return false
	}
	p.transfer(GatewayCharged, RidersPaid, int64(fare))
	p.transfer(SalesUnderWay, OwnersSales, int64(full))
	p.completed++
	return true
}

// Merge adds the transfers of another posting.
func (p *Posting) Merge(o *Posting) {
	for a := range p.yen {
		p.yen[a] += o.yen[a]
	}
	p.requested += o.requested
	p.completed += o.completed
}

func amount(yen int) bool { return yen >= 0 && yen <= maxYen }

// stripes is how many goroutines can post without waiting for each other's cache line. More
// would cost nothing but memory.
const stripes = 16

// stripe is one part of the sums, on cache lines of its own.
type stripe struct {
	bank [2]sums
	_    [80]byte // to 256 bytes
}

type sums struct {
	yen                  [accounts]atomic.Int64
	requested, completed atomic.Int64
}

func (s *sums) add(p *Posting) {
	for a, yen := range p.yen {
		if yen != 0 {
			s.yen[a].Add(yen)
		}
	}
	if p.requested != 0 {
		s.requested.Add(p.requested)
	}
	if p.completed != 0 {
		s.completed.Add(p.completed)
	}
}

// Ledger sums postings up, each with the number of the event that it belongs to. It is safe
// for concurrent use, and its zero value is ready for Post once Begin was called.
//
// The goal is that sums can be read as they were after one event, while postings of later ones
// come in, and that a posting waits for nobody.
//
//  1. There is a mark, normally beyond all events. A posting looks at it after its event has
//     got its number, and goes into the first bank if that is up to the mark, else into the
//     second.
//  2. The mark is set to the last event that there is, while none can be added. So the postings
//     of all later ones see it.
//  3. Sums up to the mark are those of the first bank, once every posting of an event up to it
//     has been made. That is known to those who hold the locks of postings, not here.
//
// Rejected: a lock, which all cores would share, and sums that are read when nothing happens,
// which may be never.
type Ledger struct {
	mark  atomic.Uint64
	books [stripes]stripe
}

// noMark is beyond all events.
const noMark = math.MaxUint64

// Begin makes an empty ledger ready.
func (l *Ledger) Begin() { l.mark.Store(noMark) }

// Post enters the posting of an event that has its number. Key says whose it is, so that
// different ones rarely meet; any number will do.
func (l *Ledger) Post(key uint, seq uint64, p *Posting) {
	l.books[key%stripes].bank[l.bankOf(seq)].add(p)
}

func (l *Ledger) bankOf(seq uint64) int {
	if seq > l.mark.Load() {
		return 1
	}
	return 0
}

// SetMark sets the mark at the last event; none can be added meanwhile. Settle comes before.
func (l *Ledger) SetMark(last uint64) { l.mark.Store(last) }

// Settle prepares for the next mark. All postings of events before the last Unmark must have been
// made.
func (l *Ledger) Settle() {
	for i := range l.books {
		l.books[i].settle()
	}
}

// settle moves what the second bank has to the first one.
func (s *stripe) settle() {
	to, from := &s.bank[0], &s.bank[1]
	for a := range from.yen {
		to.yen[a].Add(from.yen[a].Swap(0))
	}
	to.requested.Add(from.requested.Swap(0))
	to.completed.Add(from.completed.Swap(0))
}

// Unmark takes the mark away.
func (l *Ledger) Unmark() { l.mark.Store(noMark) }

// Marked returns the sums up to the mark.
func (l *Ledger) Marked() Totals { return l.sum(1) }

// Totals returns the sums of all postings that have been made.
func (l *Ledger) Totals() Totals { return l.sum(2) }

func (l *Ledger) sum(banks int) (t Totals) {
	for i := range l.books {
		for b := range banks {
			from := &l.books[i].bank[b]
			for a := range from.yen {
				t.Yen[a] += from.yen[a].Load()
			}
			t.Requested += from.requested.Load()
			t.Completed += from.completed.Load()
		}
	}
	return t
}

// Totals are the balances of all accounts, in yen, and the rides in them.
type Totals struct {
	Yen                  [accounts]int64
	Requested, Completed int64
}

// Check returns an error if the balances contradict each other: their sum is not zero, or two
// that mirror each other do not.
func (t *Totals) Check() error {
	sum := int64(0)
	for _, yen := range t.Yen {
		sum += yen
	}
	switch {
	case sum != 0:
		return fmt.Errorf("all accounts together have %d yen, and must have 0", sum)
	case t.Yen[GatewayCharged] != -t.Yen[RidersPaid]:
		return fmt.Errorf("the gateway has charged %d yen, riders have paid %d", t.Yen[GatewayCharged], -t.Yen[RidersPaid])
	case t.Yen[CouponsUsed]+t.Yen[CouponsOpen] != -t.Yen[CouponsIssued]:
		return fmt.Errorf("coupons of %d yen are used and of %d yen are open, but %d yen were issued",
			t.Yen[CouponsUsed], t.Yen[CouponsOpen], -t.Yen[CouponsIssued])
	}
	return nil
}

// Balance is the account of one owner: what its chairs have sold, in yen. As the Ledger it can
// be read at the mark.
type Balance struct{ bank [2]atomic.Int64 }

// Add adds to a balance by the event, beside a Post of the ledger.
func (l *Ledger) Add(b *Balance, seq uint64, yen int) { b.bank[l.bankOf(seq)].Add(int64(yen)) }

// Settle prepares for the next mark, as that of the ledger does.
func (b *Balance) Settle() { b.bank[0].Add(b.bank[1].Swap(0)) }

// Marked returns the balance up to the mark, Total all of it.
func (b *Balance) Marked() int64 { return b.bank[0].Load() }

// Total returns the whole balance.
func (b *Balance) Total() int64 { return b.bank[0].Load() + b.bank[1].Load() }
