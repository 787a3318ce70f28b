package httpd

import (
	"cmp"
	"math"
	"slices"
)

// When no more connections may be open and a new one comes, somebody leaves, in the order
// of these ranks. Never a request under way: neither its handler nor its answer.
type rank uint8

const (
	unproven rank = iota // no complete request yet, the oldest first
	resting              // idle for longer than clients keep a connection, the longest first
	surplus              // a stream of the owner with the most, the oldest first, if it has another
	active               // idle, or within an incomplete request, the longest first
	lone                 // an owner's only stream, the oldest first
	stays                // under way, or too young
)

const (
	// restingAfter is the idle time after which a connection goes before any stream: well
	// above the 10 s after which clients drop idle connections themselves (S4.0).
	restingAfter ticks = 15
	// settled is the time for which a stream may stay in any case. A client whose stream
	// has to leave comes back at once, and the next one leaves for it; this bounds how
	// fast they go round.
	settled ticks = 10
	// arriving is the time that a new connection has for its first request before it may
	// have to leave: a flood of new ones must not push out those that only need a round
	// trip.
	arriving ticks = 2
	// manySpare is the part of all connections from which on those that may leave before
	// long, new ones and streams that their owners can spare, are waited for rather than
	// that a busy client loses its connection. A client that keeps renewing them leaves
	// room in between.
	manySpare = 16
	// leaversKept is the number chosen in one walk over all connections.
	leaversKept = 64
)

// never is a tick that does not come.
const never = math.MaxUint64

// account counts the streams of one owner.
type account struct {
	owner   any
	streams int // guarded by Server.mu
}

// join counts a stream as one of its owner's.
func (s *Server) join(st *Stream, owner any) {
	if owner == nil {
		owner = st
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[owner]
	if a == nil {
		a = &account{owner: owner}
		s.accounts[owner] = a
	}
	a.streams++
	st.account, st.since = a, s.clock.Load()
	if st.via != nil {
		st.conn.open = append(st.conn.open, st)
		s.multiplexed.push(st)
		st.listed = true
	}
}

func (s *Server) leave(st *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := st.account
	if a.streams--; a.streams == 0 {
		delete(s.accounts, a.owner)
	}
	if c := st.conn; st.via != nil {
		c.open = slices.DeleteFunc(c.open, func(o *Stream) bool { return o == st })
		if st.listed {
			s.multiplexed.remove(st)
		}
	}
}

// admitStream makes room for one more stream over HTTP/2, of which there may be as many
// as connections: over HTTP/1.1 each is one. The oldest that its owner can spare leaves,
// or else the oldest; it reports false when all are too young for that.
func (s *Server) admitStream() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.multiplexed
	if s.opts.MaxConns == 0 || l.len < s.opts.MaxConns {
		return true
	}
	now, leaves := s.clock.Load(), l.first
	if now < leaves.since+settled {
		return false
	}
	for st, n := leaves, 0; st != nil && n < leaversKept && now >= st.since+settled; st, n = st.next, n+1 {
		if st.account.streams > 1 {
			leaves = st
			break
		}
	}
	l.remove(leaves)
	leaves.listed = false
	leaves.Close()
	return true
}

// leaver is a connection that may have to leave.
type leaver struct {
	conn *conn
	word uint64 // of its deadline when it was found
	rank rank
	many int    // streams of its owner, for surplus
	age  uint64 // the lowest is the oldest
}

// makeRoomLocked has one connection leave, if one may.
func (s *Server) makeRoomLocked() {
	now := s.clock.Load()
	if s.leaversAt == now && s.dismissLocked(now) {
		return
	}
	s.findLeaversLocked(now)
	s.dismissLocked(now)
}

// dismissLocked ends the first of the leavers that still is what it was when it was
// found.
func (s *Server) dismissLocked(now ticks) bool {
	kept := s.keptLocked(now)
	for len(s.leavers) > 0 {
		l := s.leavers[0]
		s.leavers[0].conn = nil
		s.leavers = s.leavers[1:]
		if l.rank < kept && s.rankLocked(l.conn, now).rank == l.rank && l.conn.dismiss(l.word) {
			s.refused++
			if l.rank < active {
				s.scarce = never
			}
			return true
		}
	}
	return false
}

func (s *Server) findLeaversLocked(now ticks) {
	var all []leaver
	s.arrivals = 0
	for c := range s.conns.all() {
		l := s.rankLocked(c, now)
		switch {
		case l.rank < stays:
			all = append(all, l)
		case c.requests.Load() == 0:
			s.arrivals++
		}
	}
	slices.SortFunc(all, func(a, b leaver) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.many, a.many), cmp.Compare(a.age, b.age),
			cmp.Compare(a.conn.serial, b.conn.serial))
	})
	s.leavers, s.leaversAt = slices.Clone(all[:min(len(all), leaversKept)]), now
}

// keptLocked says from which rank on nobody leaves now, since others will before long:
// those that can be spared, and, until it has been so for a while, those on their way to
// a stream.
func (s *Server) keptLocked(now ticks) rank {
	spare := int(s.streams.Load()) - len(s.accounts) + s.arrivals
	if spare*manySpare >= s.opts.MaxConns {
		s.scarce = never
		return active
	}
	if s.scarce == never {
		s.scarce = now
	}
	switch {
	case now < s.scarce+arriving:
		return active
	case spare > 0:
		return lone
	}
	return stays
}

func (s *Server) rankLocked(c *conn, now ticks) leaver {
	word, p, due := c.deadline.load()
	l := leaver{conn: c, word: word, rank: stays}
	if m := c.multi.Load(); m != nil {
		return s.rankMultiLocked(l, m, now)
	}
	switch p {
	case aside:
		l.rank, l.age = unproven, c.since
	case idle:
		l.rank, l.age = active, due-min(due, s.idle)
		if now >= l.age+restingAfter {
			l.rank = resting
		}
	case reading:
		l.rank, l.age = active, due-min(due, s.read)
	case streaming, streamWriting:
		return s.rankStreamLocked(l, now)
	}
	if l.rank < stays && c.requests.Load() == 0 {
		l.rank, l.age = unproven, c.since
		if now < c.since+arriving {
			l.rank = stays
		}
	}
	return l
}

func (s *Server) rankStreamLocked(l leaver, now ticks) leaver {
	st := &l.conn.stream
	if st.account == nil || st.closed.Load() || now < st.since+settled {
		return l
	}
	l.rank, l.age = lone, st.since
	if st.account.streams > 1 {
		l.rank, l.many = surplus, st.account.streams
	}
	return l
}

// rankMultiLocked ranks a connection of HTTP/2: by the stream that has most reason to stay,
// if it has any. An account whose streams are all on it can spare none.
func (s *Server) rankMultiLocked(l leaver, m *multi, now ticks) leaver {
	c := l.conn
	busy, since := m.session.Busy()
	switch {
	case busy:
		return l
	case c.requests.Load() == 0:
		if now >= c.since+arriving {
			l.rank, l.age = unproven, c.since
		}
		return l
	case len(c.open) == 0:
		if l.rank, l.age = active, since; now >= since+restingAfter {
			l.rank = resting
		}
		return l
	}
	l.rank, l.age = surplus, never
	here := map[*account]int{}
	for _, st := range c.open {
		if now < st.since+settled {
			l.rank = stays
			return l
		}
		here[st.account]++
		l.age, l.many = min(l.age, st.since), max(l.many, st.account.streams)
	}
	for a, n := range here {
		if n == a.streams {
			l.rank, l.many = lone, 0
		}
	}
	return l
}

// dismiss ends the connection as it waits, unless it has gone on.
func (c *conn) dismiss(word uint64) bool {
	if m := c.multi.Load(); m != nil {
		return m.session.Dismiss()
	}
	if p := phase(word & (1<<phaseBits - 1)); p == streaming || p == streamWriting {
		c.stream.Close()
		return true
	}
	c.leaving.Store(true)
	if !c.deadline.expire(word) {
		c.leaving.Store(false)
		return false
	}
	c.wake()
	return true
}
