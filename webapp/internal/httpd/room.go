package httpd

import (
	"cmp"
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
	// restingAfter is how long a connection has to be idle to go before any stream: well
	// above the 10 s after which clients drop idle connections themselves (spec 4.0).
	restingAfter ticks = 15
	// settled is how long a stream may stay in any case. A client whose stream has to leave
	// comes back at once, and the next one leaves for it; this bounds how fast they go round.
	settled ticks = 10
	// leaversKept is how many are chosen in one walk over all connections.
	leaversKept = 64
)

// account is who has streams.
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
}

func (s *Server) leave(st *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := st.account
	if a.streams--; a.streams == 0 {
		delete(s.accounts, a.owner)
	}
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
	if len(s.leavers) == 0 || s.leaversAt != now {
		s.findLeaversLocked(now)
	}
	for len(s.leavers) > 0 {
		l := s.leavers[0]
		s.leavers[0].conn = nil
		s.leavers = s.leavers[1:]
		if s.rankLocked(l.conn, now).rank == l.rank && l.conn.dismiss(l.word) {
			s.refused++
			return
		}
	}
}

func (s *Server) findLeaversLocked(now ticks) {
	var all []leaver
	for c := range s.conns.all() {
		if l := s.rankLocked(c, now); l.rank < stays {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b leaver) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.many, a.many), cmp.Compare(a.age, b.age),
			cmp.Compare(a.conn.serial, b.conn.serial))
	})
	s.leavers, s.leaversAt = slices.Clone(all[:min(len(all), leaversKept)]), now
}

func (s *Server) rankLocked(c *conn, now ticks) leaver {
	word, p, due := c.deadline.load()
	l := leaver{conn: c, word: word, rank: stays}
	switch p {
	case aside:
		l.rank = unproven
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
	if l.rank == resting || l.rank == active {
		if c.requests.Load() == 0 {
			l.rank, l.age = unproven, 0
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

// dismiss ends the connection as it waits, unless it has gone on.
func (c *conn) dismiss(word uint64) bool {
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
