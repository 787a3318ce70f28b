package journal

import (
	"sync/atomic"

	"isuride/webapp/internal/lockwatch"
)

// commit is the record of what has been synced, and the place to wait for it.
//
// Many waiters share one sync: those whose record the sync under way covers wait for that
// one, the others for the next one, which starts as soon as this one ends. So a group
// grows by itself with the time that a sync takes, and nobody is woken in vain.
type commit struct {
	durable atomic.Uint64         // last record on the disk
	failed  atomic.Pointer[error] // why there will never be another sync; nil while all is well
	syncs   atomic.Uint64
	took    atomic.Int64 // nanoseconds that the last sync took

	wanted chan struct{} // one token: somebody waits for the next sync

	mu      lockwatch.Mutex
	target  uint64 // last record that the sync under way covers
	current *group // waits for the sync under way
	next    *group // waits for the one after
}

// group is a number of waiters that one sync releases. The syncer closes done, after
// setting err.
type group struct {
	done chan struct{}
	err  error
}

func newGroup() *group {
	return &group{done: make(chan struct{})}
}

// wait returns when the record is on the disk, or can no longer get there.
func (c *commit) wait(seq uint64) error {
	if c.durable.Load() >= seq {
		return nil
	}
	g, err := c.join(seq)
	if g == nil {
		return err
	}
	<-g.done
	return g.err
}

// join returns the group to wait with, or none if the outcome is known.
func (c *commit) join(seq uint64) (*group, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.durable.Load() >= seq {
		return nil, nil
	}
	if err := c.failure(); err != nil {
		return nil, err
	}
	if seq <= c.target {
		if c.current == nil {
			c.current = newGroup()
		}
		return c.current, nil
	}
	if c.next == nil {
		c.next = newGroup()
		notify(c.wanted)
	}
	return c.next, nil
}

// begin turns those who wait for the next sync into those who wait for the sync under
// way, which covers them all: nobody joins while the end of the log is looked up.
func (c *commit) begin(appended func() uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.next = c.next, nil
	c.target = appended()
}

// end releases the waiters. After an error no record is ever reported safe again: Linux
// reports a failed write-back once and drops the pages, so a second sync that succeeds
// proves nothing.
func (c *commit) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed.Store(&err)
		c.current.release(err)
		c.next.release(err)
	} else {
		c.durable.Store(c.target)
		c.current.release(nil)
	}
	c.current = nil
}

func (g *group) release(err error) {
	if g != nil {
		g.err = err
		close(g.done)
	}
}

func (c *commit) failure() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}
