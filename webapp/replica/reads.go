package replica

import (
	"encoding/binary"
	"time"

	"go.etcd.io/raft/v3"
)

// reads are those who wait until a majority confirms that the member leads. One round is on
// its way at a time; all who come meanwhile share the next.
type reads struct {
	waiting []uint64 // tickets for the next round
	asked   []uint64 // of the round on its way
	round   uint64   // its number
	since   time.Duration
	done    []Confirmed

	lease    time.Duration // until when nobody else can lead, 0 for none
	noLease  uint64        // term in which there is none any more
	renewing bool          // somebody has asked for the lease since the last round
}

// ReadIndex has a majority confirm that the member leads. The answer, with the ticket, is
// among those of TakeConfirmed, at once or later.
func (c *Core) ReadIndex(ticket uint64) {
	if c.err != nil || !c.leads() {
		c.reads.done = append(c.reads.done, Confirmed{Ticket: ticket, Err: ErrNotLeader})
		return
	}
	c.reads.waiting = append(c.reads.waiting, ticket)
	c.reads.begin(c)
	c.settle()
}

// begin starts a round if somebody waits for one, or for the lease. A leader that is not ready knows nothing to
// confirm yet.
func (r *reads) begin(c *Core) {
	if len(r.asked) > 0 || len(r.waiting) == 0 && !r.renewing || r.since != 0 || !c.ready() {
		return
	}
	r.asked, r.waiting, r.renewing = r.waiting, r.asked[:0], false
	r.round++
	r.since = max(c.now(), 1)
	c.node.ReadIndex(binary.LittleEndian.AppendUint64(nil, r.round))
}

// confirmed ends a round.
func (r *reads) confirmed(c *Core, s raft.ReadState) {
	if round, ok := number(s.RequestCtx); !ok || round != r.round || r.since == 0 || !c.leads() {
		return
	}
	if r.noLease != c.term {
		r.lease = r.since + leaseTicks*c.tick
	}
	end, err := c.log.End(max(s.Index, c.commit))
	for _, ticket := range r.asked {
		r.done = append(r.done, Confirmed{ticket, end, err})
	}
	r.asked, r.since = r.asked[:0], 0
	r.begin(c)
}

// fail ends all waiting, and the lease.
func (r *reads) fail(err error) {
	for _, tickets := range [][]uint64{r.asked, r.waiting} {
		for _, ticket := range tickets {
			r.done = append(r.done, Confirmed{Ticket: ticket, Err: err})
		}
	}
	r.asked, r.waiting, r.since, r.lease, r.renewing = r.asked[:0], r.waiting[:0], 0, 0, false
}

// forbidLease ends the lease of a term: who is told to take over asks nobody for patience.
func (r *reads) forbidLease(term uint64) { r.noLease, r.lease = term, 0 }

// LeaseUntil returns until when, on the clock Now, no other member can lead; 0 for no lease.
func (c *Core) LeaseUntil() time.Duration { return c.reads.lease }

// RenewLease has the lease renewed with the next tick, since somebody wants it.
func (c *Core) RenewLease() { c.reads.renewing = c.leads() }

func appendNumber(dst []byte, n uint64) []byte { return binary.LittleEndian.AppendUint64(dst, n) }

func number(b []byte) (uint64, bool) {
	if len(b) != 8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}
