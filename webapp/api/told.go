package api

import (
	"sync/atomic"

	"isuride/webapp/internal/histogram"
	"isuride/webapp/isuride"
	"isuride/webapp/state"
)

// RecipientStats are what users, or chairs, are told.
type RecipientStats struct {
	Streams int // open now
	Sent    uint64
	// Delay is how long it took from a change to the last byte of its message in the
	// socket, for the messages that found an open stream: nobody waits for the others.
	Delay histogram.Snapshot
}

// told counts what the recipients of one side are told, on cache lines of its own.
type told struct {
	_       [64]byte
	streams atomic.Int64
	sent    atomic.Uint64
	delay   histogram.Histogram
	_       [64]byte
}

// message counts a message that was written at a time to a stream open since another.
func (t *told) message(m *state.Message, since, now isuride.Time) {
	t.sent.Add(1)
	if m.At >= since {
		t.delay.Observe(now.Sub(m.At))
	}
}

func (t *told) stats() RecipientStats {
	return RecipientStats{Streams: int(t.streams.Load()), Sent: t.sent.Load(), Delay: t.delay.Snapshot()}
}
