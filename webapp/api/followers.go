package api

import (
	"sync/atomic"
	"time"
)

// followers counts the connections that follow the feed, so that a stop can wait until they
// have been told.
type followers struct {
	n    atomic.Int64
	none chan struct{} // one token: there were none for a moment
}

func newFollowers() *followers { return &followers{none: make(chan struct{}, 1)} }

func (f *followers) join() { f.n.Add(1) }

func (f *followers) leave() {
	if f.n.Add(-1) == 0 {
		select {
		case f.none <- struct{}{}:
		default:
		}
	}
}

// wait returns when there are none, or after a time.
func (f *followers) wait(limit time.Duration) {
	late := time.After(limit)
	for f.n.Load() > 0 {
		select {
		case <-f.none:
		case <-late:
			return
		}
	}
}

// farewellLimit is how long readers of the feed have to take the last message.
const farewellLimit = time.Second

// Farewell returns once all who follow the feed have been told that it ends, which closing it
// has begun, and have gone; those that do not read are waited for a second.
func (a *API) Farewell() { a.followers.wait(farewellLimit) }
