package api

import (
	"sync/atomic"

	"isuride/webapp/internal/histogram"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// RecipientStats are the notifications of all users, or of all chairs.
type RecipientStats struct {
	Streams int // open now
	Sent    uint64
	// Delay is the time from a change to the last byte of its message in the socket, for
	// the messages that found an open stream: nobody waits for the others.
	Delay histogram.Snapshot
}

// recipientCounters are RecipientStats while they grow, on cache lines of their own.
type recipientCounters struct {
	_       [64]byte
	streams atomic.Int64
	sent    atomic.Uint64
	delay   histogram.Histogram
	_       [64]byte
}

// message counts a message that was written at a time to a stream open since another.
func (c *recipientCounters) message(m *state.Message, since, now isuride.Time) {
	c.sent.Add(1)
	if m.At >= since {
		c.delay.Observe(now.Sub(m.At))
	}
}

func (c *recipientCounters) stats() RecipientStats {
	return RecipientStats{Streams: int(c.streams.Load()), Sent: c.sent.Load(), Delay: c.delay.Snapshot()}
}
