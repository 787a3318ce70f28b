package world

// An inbox is the queue of notifications of one entity (B2.4). Its bound,
// NotificationWindow, is kept by the client.
type inbox[T any] struct {
	items []T
	head  int
}

func (b *inbox[T]) empty() bool { return b.head == len(b.items) }

func (b *inbox[T]) push(n T) { b.items = append(b.items, n) }

// peek returns the oldest notification of an inbox that is not empty.
func (b *inbox[T]) peek() T { return b.items[b.head] }

// drop removes the oldest notification. The storage is used again once the inbox is
// empty.
func (b *inbox[T]) drop() {
	var zero T
	b.items[b.head] = zero
	b.head++
	if b.empty() {
		b.items, b.head = b.items[:0], 0
	}
}

// A reader is the owner of an inbox in its turn.
type reader[T any] interface {
	mayRead(T) bool  // false parks the turn at a lock, until resume reads the inbox again
	notified(T) bool // false if the notification is wrong, which ends the turn
	taken(n int)     // tells the client how many were read
	act()            // the turn after the notifications
	endTurn()
}

// readInbox deals with the queued notifications and then acts (B2.4). The first error
// ends the turn; what is queued after it stays for the next one.
func readInbox[T any](r reader[T], b *inbox[T]) {
	n := 0
	for !b.empty() {
		next := b.peek()
		if !r.mayRead(next) {
			r.taken(n)
			return
		}
		b.drop()
		n++
		if !r.notified(next) {
			r.taken(n)
			r.endTurn()
			return
		}
	}
	r.taken(n)
	r.act()
}
