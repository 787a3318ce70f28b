package world

// A fifo holds things that become due in the order in which they are added, because they
// all wait equally long.
type fifo[T interface{ dueAt() Instant }] struct{ items []T }

func (q *fifo[T]) push(item T) { q.items = append(q.items, item) }

// due reports whether the first item is.
func (q *fifo[T]) due(now Instant) bool { return len(q.items) > 0 && q.items[0].dueAt() <= now }

func (q *fifo[T]) pop() T {
	item := q.items[0]
	q.items = q.items[1:]
	return item
}
