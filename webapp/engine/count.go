package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"isuride/webapp/state"
)

// CountStats are the figures of the full counts of the state. After one that differs, what is
// served can no longer be trusted: the memory of the machine is at fault, or the program.
type CountStats struct{ Equal, Different uint64 }

type counted struct{ equal, different atomic.Uint64 }

func (c *counted) stats() CountStats { return CountStats{c.equal.Load(), c.different.Load()} }

// errDifferent says that the state in memory is not what its events have made of it. It is found
// by full counts: with each snapshot, and at an orderly stop.
var errDifferent = errors.New("the server's state cannot be trusted")

// count walks over the state and counts it, see state.Store.Count.
func (g *Generation) count(visit func(*state.Image) error) (state.Count, error) {
	count := g.Store.Count
	if s := g.follower.Load(); s != nil {
		count = func(visit func(*state.Image) error) (state.Count, error) { return s.count(g, visit) }
	}
	n, err := count(visit)
	if err != nil {
		return n, err
	}
	if err := n.Err(); err != nil {
		g.counted.different.Add(1)
		return n, fmt.Errorf("%w: %w; restart it soon, it then begins with an older snapshot or the database, and the journal; check the machine's memory", errDifferent, err)
	}
	g.counted.equal.Add(1)
	return n, nil
}

// complain logs why there is no snapshot: an error if the state is to blame, else a warning.
func (g *Generation) complain(err error, text string, args ...any) {
	if errors.Is(err, errDifferent) {
		g.cfg.Log.Error(text, args...)
	} else {
		g.cfg.Log.Warn(text, args...)
	}
}

// check counts without writing a snapshot. Only a difference is an error.
func (k *snapshots) check(ctx context.Context) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	_, err := k.g.count(func(*state.Image) error { return ctx.Err() })
	if err != nil && !errors.Is(err, errDifferent) {
		k.g.cfg.Log.Warn("the state is not counted at the stop", "err", err)
		return nil
	}
	return err
}
