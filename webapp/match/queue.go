package match

// An event is what a search does next when it has got as far as at: visit the row of
// column id, or if id is negative, read on in row ^id.
type event struct {
	at int64
	id int32
}

// queue is a binary heap of events, the nearest first. container/heap would allocate on
// each push.
type queue struct {
	events []event
}

func (q *queue) push(e event) {
	q.events = append(q.events, e)
	i := len(q.events) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if q.events[parent].at <= e.at {
			break
		}
		q.events[i] = q.events[parent]
		i = parent
	}
	q.events[i] = e
}

// pop removes the nearest event. The queue must not be empty.
func (q *queue) pop() event {
	top := q.events[0]
	n := len(q.events) - 1
	last := q.events[n]
	q.events = q.events[:n]
	if n > 0 {
		q.sink(last)
	}
	return top
}

// sink finds the place of e from the root down, the root being vacant.
func (q *queue) sink(e event) {
	events := q.events
	i := 0
	for {
		child := 2*i + 1
		if child >= len(events) {
			break
		}
		if child+1 < len(events) && events[child+1].at < events[child].at {
			child++
		}
		if events[child].at >= e.at {
			break
		}
		events[i] = events[child]
		i = child
	}
	events[i] = e
}
