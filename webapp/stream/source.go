package stream

import (
	"context"
	"time"
)

// Source is where frames come from: the feed of this process, or that of a server.
type Source interface {
	// Ready waits until there is a feed to follow, or fails. It is asked before another
	// producer of the region is fenced, which may be the one that should go on: that of the
	// server that leads.
	Ready(ctx context.Context) error
	// Open follows the feed with every report of a position, after a position as the feed
	// writes it, or from a snapshot on if that is "".
	Open(ctx context.Context, resume string) (Reader, error)
}

// Reader reads the frames of one subscription, in order.
type Reader interface {
	// Next returns the next frame, which is lent until the following call. If it is due
	// first, there is none: the frame is nil.
	Next(ctx context.Context, due <-chan time.Time) ([]byte, error)
	Close()
}

// Tables are those that are followed: all but the public city, which is made of the others.
const Tables = "users,owners,chairs,positions,rides,statuses,coupons,payments,matches"
