package payment

import "sync/atomic"

// Stats are the figures of a gateway's client.
type Stats struct {
	// Attempts by outcome: the payment is registered; it will not be, whatever is tried;
	// it is not known to be, so that another attempt follows if there is time.
	Accepted, Refused, Failed uint64
	// InProgress are the charges under way.
	InProgress int
}

type counters struct {
	attempts [conflict + 1]atomic.Uint64 // by verdict
	charging atomic.Int64
}

// Stats reads the figures.
func (g *Gateway) Stats() Stats {
	c := &g.counters
	return Stats{
		Accepted:   c.attempts[registered].Load(),
		Refused:    c.attempts[refused].Load(),
		Failed:     c.attempts[failed].Load() + c.attempts[unanswered].Load() + c.attempts[conflict].Load(),
		InProgress: int(c.charging.Load()),
	}
}
