package httpd

import "isuride/webapp/internal/lockwatch"

// largeAnswer is the size in bytes from which on an answer is cut before smaller ones.
const largeAnswer = 64 << 10

// claim is the memory that an answer occupies while it waits for its reader.
type claim struct {
	held bool // owned by the connection's goroutine

	// Guarded by the ledger's lock.
	owner any
	size  int
	sent  int
	began ticks
	at    int // in the ledger's list, if it is there
	open  bool
}

// ledger bounds the memory of all answers that wait. Only an answer that does wait comes
// here.
type ledger struct {
	limit, perOwner int // bytes; set once

	mu      lockwatch.Mutex
	total   int
	waiting []*conn
	owners  map[any]int // bytes
	cuts    uint64
}

func newLedger(limit, perOwner int) ledger {
	return ledger{limit: limit, perOwner: perOwner, owners: map[any]int{}}
}

func (l *ledger) stats() (bytes int, cuts uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, l.cuts
}

// hold counts what the connection keeps while its answer waits, the request's buffer
// included. A shared body is not counted.
func (c *conn) hold() {
	if c.claim.held || c.ctx == nil {
		return
	}
	c.claim.held = true
	size := c.size + len(c.ctx.buf.b)
	if c.ctx.res.shared {
		size -= len(c.ctx.res.body)
	}
	owner := c.owner
	if owner == nil {
		owner = c
	}
	c.srv.waiting.add(c, owner, size, c.srv.clock.Load())
}

// progressed notes what the socket has taken.
func (c *conn) progressed(n int) {
	if c.claim.held {
		l := &c.srv.waiting
		l.mu.Lock()
		c.claim.sent += n
		l.mu.Unlock()
	}
}

// letGo is called when the answer is out, or never will be.
func (c *conn) letGo() {
	if c.claim.held {
		c.claim.held = false
		l := &c.srv.waiting
		l.mu.Lock()
		l.removeLocked(c)
		l.mu.Unlock()
	}
}

func (l *ledger) add(c *conn, owner any, size int, now ticks) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := &c.claim
	k.owner, k.size, k.sent, k.began, k.at, k.open = owner, size, 0, now, len(l.waiting), true
	l.waiting = append(l.waiting, c)
	l.total += size
	l.owners[owner] += size
	for l.owners[owner] > l.perOwner && l.cutSlowestLocked(c, owner, now) {
	}
	for l.total > l.limit && l.cutSlowestLocked(c, nil, now) {
	}
}

// removeLocked takes a claim back, unless that was done when the answer was cut.
func (l *ledger) removeLocked(c *conn) {
	k := &c.claim
	if !k.open {
		return
	}
	k.open = false
	last := len(l.waiting) - 1
	l.waiting[k.at] = l.waiting[last]
	l.waiting[k.at].claim.at = k.at
	l.waiting[last] = nil
	l.waiting = l.waiting[:last]
	l.total -= k.size
	if l.owners[k.owner] -= k.size; l.owners[k.owner] == 0 {
		delete(l.owners, k.owner)
	}
	k.owner = nil
}

// cutSlowestLocked ends one answer, of that owner if one is given, but not the newest: an
// answer alone may be as large as it is.
func (l *ledger) cutSlowestLocked(newest *conn, owner any, now ticks) bool {
	var worst *conn
	for _, c := range l.waiting {
		if c != newest && (owner == nil || c.claim.owner == owner) && (worst == nil || c.slowerLocked(worst, now)) {
			worst = c
		}
	}
	if worst == nil {
		return false
	}
	l.removeLocked(worst)
	l.cuts++
	worst.leaving.Store(true)
	worst.cut()
	return true
}

// slowerLocked orders the readers of answers: first those of large ones; among them the
// reader that has taken fewer bytes per second, then the one that began earlier.
func (c *conn) slowerLocked(d *conn, now ticks) bool {
	a, b := &c.claim, &d.claim
	if large := a.size >= largeAnswer; large != (b.size >= largeAnswer) {
		return large
	}
	x, y := a.sent*int(now-b.began+1), b.sent*int(now-a.began+1)
	if x != y {
		return x < y
	}
	if a.began != b.began {
		return a.began < b.began
	}
	return c.serial < d.serial
}
