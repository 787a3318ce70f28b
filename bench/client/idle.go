package client

// An idlePool is the unused connections of all entities of a shard, in the order in which they became so.
type idlePool struct{ oldest, newest *conn }

// makeRoom closes the connection that has been unused for longest if there are many, so that a crowd of entities that have
// nothing to do just now leaves descriptors to the others.
func (s *shard) makeRoom() {
	limit := s.engine.config.Crowded
	if limit > 0 && s.open >= limit/len(s.engine.shards) && s.idle.oldest != nil {
		s.idle.oldest.close()
	}
}

// park keeps a connection for a while.
func (s *shard) park(c *conn) {
	s.loop.Start(&c.idleTimer, s.engine.config.Limits.Idle)
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
