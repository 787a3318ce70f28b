package httpd

import "isuride/webapp/internal/lockwatch"

// largeAnswer is the size in bytes from which on an answer is cut before smaller ones.
const largeAnswer = 64 << 10

// claim is the memory that an answer occupies while it waits for its reader.
type claim struct {
	of   waiter // set once
	held bool   // owned by the goroutine that writes the answer

	// Guarded by the ledger's lock.
	owner any
	size  int
	sent  int
	began ticks
	at    int // in the ledger's list, if it is there
	open  bool
}

// waiter is whose answer waits: a connection, or one exchange of many on it.
type waiter interface {
	// order breaks ties: the lower came earlier.
	order() uint64
	// cutAnswer ends the answer at once. It never waits.
	cutAnswer()
}

func (c *conn) order() uint64 { return c.serial }

func (c *conn) cutAnswer() {
	c.leaving.Store(true)
	c.cut()
}

// ledger bounds the memory of all answers that wait. Only an answer that does wait comes
// here.
type ledger struct {
	limit, perOwner int // bytes; set once

	mu      lockwatch.Mutex
	total   int
	waiting []*claim
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
	c.srv.waiting.add(&c.claim, owner, size, c.srv.clock.Load())
}

// progressed notes what the socket has taken.
func (c *conn) progressed(n int) { c.srv.waiting.progressed(&c.claim, n) }

func (l *ledger) progressed(k *claim, n int) {
	if k.held {
		l.mu.Lock()
		k.sent += n
		l.mu.Unlock()
	}
}

// letGo is called when the answer is out, or never will be.
func (c *conn) letGo() { c.srv.waiting.letGo(&c.claim) }

func (l *ledger) letGo(k *claim) {
	if k.held {
		k.held = false
		l.mu.Lock()
		l.removeLocked(k)
		l.mu.Unlock()
	}
}

func (l *ledger) add(k *claim, owner any, size int, now ticks) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k.owner, k.size, k.sent, k.began, k.at, k.open = owner, size, 0, now, len(l.waiting), true
	l.waiting = append(l.waiting, k)
	l.total += size
	l.owners[owner] += size
	for l.owners[owner] > l.perOwner && l.cutSlowestLocked(k, owner, now) {
	}
	for l.total > l.limit && l.cutSlowestLocked(k, nil, now) {
	}
}

// removeLocked takes a claim back, unless that was done when the answer was cut.
func (l *ledger) removeLocked(k *claim) {
	if !k.open {
		return
	}
	k.open = false
	last := len(l.waiting) - 1
	l.waiting[k.at] = l.waiting[last]
	l.waiting[k.at].at = k.at
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
func (l *ledger) cutSlowestLocked(newest *claim, owner any, now ticks) bool {
	var worst *claim
	for _, k := range l.waiting {
		if k != newest && (owner == nil || k.owner == owner) && (worst == nil || k.slowerLocked(worst, now)) {
			worst = k
		}
	}
	if worst == nil {
		return false
	}
	l.removeLocked(worst)
	l.cuts++
	worst.of.cutAnswer()
	return true
}

// slowerLocked orders the readers of answers: first those of large ones; among them the
// reader that has taken fewer bytes per second, then the one that began earlier.
func (a *claim) slowerLocked(b *claim, now ticks) bool {
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
	return a.of.order() < b.of.order()
}
