package journal

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// commit is the record of what has been synced, and the place to wait for it.
//
// Many waiters share one sync: those whose record the sync under way covers wait for that one, the
// others for the next one, which starts as soon as this one ends. So a group grows by itself with
// the time that a sync takes, and nobody is woken in vain.
type commit struct {
	durable atomic.Uint64         // last record on the disk
	failed  atomic.Pointer[error] // why there will never be another sync; nil while all is well
	syncs   atomic.Uint64
	took    atomic.Int64 // nanoseconds that the last sync took

	wanted chan struct{} // one token: somebody waits for the next sync

	mu      sync.Mutex
	target  uint64 // last record that the sync under way covers
	current *group // waits for the sync under way
	next    *group // waits for the one after
}

// group is a number of waiters that one sync releases. The syncer closes done, after setting err.
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

// begin turns those who wait for the next sync into those who wait for the sync under way, which
// covers them all: nobody joins while the end of the log is looked up.
func (c *commit) begin(appended func() uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.next = c.next, nil
	c.target = appended()
}

// end releases the waiters. After an error nobody will ever be told that a record is safe: Linux
// reports a failed write-back once and drops the pages, so a second sync that succeeds proves nothing.
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

// syncLoop keeps the disk up to date until Close.
func (j *Journal) syncLoop() {
	defer close(j.syncDone)
	for j.awaitUnsynced() {
		if err := j.sync(); err != nil {
			return
		}
	}
}

// awaitUnsynced sleeps until there is something to sync and either a waiter asks for it or the sync
// interval is over. It returns false when the journal closes.
func (j *Journal) awaitUnsynced() bool {
	for !j.unsynced() {
		grown := j.growth.next()
		if j.unsynced() {
			break
		}
		select {
		case <-grown:
		case <-j.closing:
			return false
		}
	}
	interval := time.NewTimer(j.interval)
	defer interval.Stop()
	select {
	case <-j.commit.wanted:
	case <-interval.C:
	case <-j.closing:
		return false
	}
	return true
}

func (j *Journal) unsynced() bool {
	return j.appended.Load() > j.commit.durable.Load()
}

// sync brings everything appended so far to the disk. One goroutine at a time: the sync loop, then
// Close.
func (j *Journal) sync() error {
	var last *segment
	var end int
	j.commit.begin(func() (target uint64) {
		target, last, end = j.position()
		return target
	})
	started := time.Now()
	err := j.syncSegments(last, end)
	j.commit.took.Store(int64(time.Since(started)))
	j.commit.syncs.Add(1)
	if err != nil {
		err = fmt.Errorf("journal: sync failed, nothing more is accepted: %w", err)
		j.refuse(err)
		j.log.Error("journal: stopped", "error", err)
	}
	j.commit.end(err)
	return err
}

// position returns the end of the log.
func (j *Journal) position() (last uint64, seg *segment, offset int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.appended.Load(), j.active, j.active.end
}

// syncSegments syncs from the segment where the last sync ended up to the given end, in order, since
// a durable mark speaks for all segments before.
func (j *Journal) syncSegments(last *segment, end int) error {
	for s := j.syncPin.Load(); s != last; s = s.next.Load() {
		if err := j.syncSegment(s, s.end); err != nil {
			return err
		}
	}
	if err := j.syncSegment(last, end); err != nil {
		return err
	}
	j.syncPin.Store(last)
	return nil
}

func (j *Journal) syncSegment(s *segment, end int) error {
	if err := j.sys.syncData(s.file); err != nil {
		return err
	}
	putMark(s.data, end)
	return nil
}
