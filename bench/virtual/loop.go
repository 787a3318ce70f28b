package virtual

import (
	"encoding/binary"
	"hash"
	"hash/fnv"

	"isuride/bench/world"
)

// A Task is something that happens at a moment of virtual time. It may schedule others,
// itself included.
type Task interface{ Run(now world.Instant) }

// A Loop runs tasks in the order of their time, and those of one moment in the order in
// which they were scheduled. It takes no time itself.
type Loop struct {
	now    world.Instant
	queue  []entry // heap
	seq    uint64
	world  *world.World
	tamper func(world.Event) []world.Event // nil: events arrive as they are
	digest hash.Hash64
	events EventCounts
}

// EventCounts counts the events of each kind that the World received.
type EventCounts [world.EventChairNotified + 1]int

type entry struct {
	at   world.Instant
	seq  uint64
	task Task
}

func (e entry) before(f entry) bool { return e.at < f.at || e.at == f.at && e.seq < f.seq }

func newLoop(start world.Instant) *Loop {
	return &Loop{now: start, digest: fnv.New64a()}
}

// Now is the time of the running task.
func (l *Loop) Now() world.Instant { return l.now }

// arity of the heap: with four children it is half as deep as a binary one, and siblings
// are neighbours in memory.
const arity = 4

// After schedules a task.
func (l *Loop) After(d world.Instant, t Task) {
	l.seq++
	e := entry{l.now + d, l.seq, t}
	i := len(l.queue)
	l.queue = append(l.queue, e)
	for i > 0 {
		parent := (i - 1) / arity
		if !e.before(l.queue[parent]) {
			break
		}
		l.queue[i] = l.queue[parent]
		i = parent
	}
	l.queue[i] = e
}

// pop removes the first entry of a queue that is not empty.
func (l *Loop) pop() entry {
	first := l.queue[0]
	n := len(l.queue) - 1
	e := l.queue[n]
	l.queue[n] = entry{}
	l.queue = l.queue[:n]
	if n > 0 {
		l.queue[l.sinkHole(e)] = e
	}
	return first
}

// sinkHole moves the gap at the top down to where e belongs.
func (l *Loop) sinkHole(e entry) int {
	i, q := 0, l.queue
	for {
		least, end := arity*i+1, min(arity*i+arity+1, len(q))
		if least >= end {
			return i
		}
		for child := least + 1; child < end; child++ {
			if q[child].before(q[least]) {
				least = child
			}
		}
		if !q[least].before(e) {
			return i
		}
		q[i] = q[least]
		i = least
	}
}

// runUntil runs everything before the given time, which is then the current one. It stops
// early when done returns true.
func (l *Loop) runUntil(t world.Instant, done func() bool) {
	for len(l.queue) > 0 && l.queue[0].at < t {
		if done() {
			return
		}
		e := l.pop()
		l.now = e.at
		e.task.Run(l.now)
	}
	l.now = t
}

// Deliver passes an event to the World. It must be called from a task, never from inside
// a call of the World.
func (l *Loop) Deliver(e world.Event) {
	if l.tamper == nil {
		l.hand(e)
		return
	}
	for _, e := range l.tamper(e) {
		l.hand(e)
	}
}

func (l *Loop) hand(e world.Event) {
	l.record(e)
	l.world.Deliver(l.now, e)
}

// record counts the event and mixes it into the digest of the run.
func (l *Loop) record(e world.Event) {
	l.events[e.Kind]++
	var b [26]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(l.now))
	binary.LittleEndian.PutUint64(b[8:], uint64(e.Time))
	binary.LittleEndian.PutUint32(b[16:], uint32(e.To.Index))
	b[20], b[21] = byte(e.To.Kind), byte(e.Kind)
	if e.Failure != nil {
		b[22] = byte(e.Failure.Kind)
		binary.LittleEndian.PutUint16(b[23:], uint16(e.Failure.Status))
	}
	l.digest.Write(b[:])
}
