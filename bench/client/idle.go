package client

import "time"

// An idlePool is the unused connections of all entities of a shard, in the order in which
// they became so.
type idlePool struct{ oldest, newest *conn }

// A connection unused for less than hot will be needed again at once: a chair that drives
// reports each tick.
const hot = 500 * time.Millisecond

// makeRoom closes an unused connection if there are many, so that a crowd of entities
// that have nothing to do just now leaves descriptors to the others: the one unused for
// longest. If all are in use again and again, that would be the one needed next, and soon
// every call would have to connect first; then the one used last goes, and the others
// keep theirs.
//
// It reports false to one that can wait, instead of taking another's place then: the feed
// of a user, who waits for a chair anyway. A chair must not miss that it has been given a
// ride. The last tenth of the room is for those that cannot wait, or each of them would
// drive another out, which drives out the next.
func (s *shard) makeRoom(canWait bool) bool {
	limit := s.engine.config.Crowded / len(s.engine.shards)
	if canWait {
		limit -= limit / 10
	}
	if limit == 0 || s.open < limit {
		return true
	}
	oldest := s.idle.oldest
	switch {
	case oldest != nil && time.Since(oldest.parked) > hot:
		oldest.close()
	case canWait:
		return false
	case oldest != nil:
		s.idle.newest.close()
	}
	return true
}

// park keeps a connection for a while.
func (s *shard) park(c *conn) {
	s.loop.Start(&c.idleTimer, s.engine.config.Limits.Idle)
	c.parked = time.Now()
	s.idle.add(c)
}

// unpark takes a connection out again.
func (s *shard) unpark(c *conn) {
	s.loop.Cancel(&c.idleTimer)
	s.idle.remove(c)
}

func (p *idlePool) add(c *conn) {
	c.older, c.newer = p.newest, nil
	if p.newest == nil {
		p.oldest = c
	} else {
		p.newest.newer = c
	}
	p.newest = c
}

func (p *idlePool) remove(c *conn) {
	if c.older == nil {
		p.oldest = c.newer
	} else {
		c.older.newer = c.newer
	}
	if c.newer == nil {
		p.newest = c.older
	} else {
		c.newer.older = c.older
	}
	c.older, c.newer = nil, nil
}
