package world

// An inbox is the queue of notifications of one entity (B2.4). Its bound, NotificationWindow, is kept by the client.
type inbox[T any] struct {
	items []T
	head  int
}

func (b *inbox[T]) empty() bool { return b.head == len(b.items) }

func (b *inbox[T]) push(n T) { b.items = append(b.items, n) }

// peek returns the oldest notification of an inbox that is not empty.
func (b *inbox[T]) peek() T { return b.items[b.head] }

// drop removes the oldest notification. The storage is used again once the inbox is empty.
func (b *inbox[T]) drop() {
	var zero T
	b.items[b.head] = zero
	b.head++
	if b.empty() {
		b.items, b.head = b.items[:0], 0
	}
}
