package virtual

import (
	"encoding/binary"
	"hash"
	"hash/fnv"

	"isuride/bench/world"
)

// A Task is something that happens at a moment of virtual time. It may schedule others, itself included.
type Task interface{ Run(now world.Instant) }

// A Loop runs tasks in the order of their time, those of one moment in the order in which they were scheduled. It takes
// no time itself.
type Loop struct {
	now    world.Instant
	queue  []entry // binary heap
	seq    uint64
	world  *world.World
	tamper func(world.Event) []world.Event // nil: events arrive as they are
	digest hash.Hash64
}

type entry struct {
	at   world.Instant
	seq  uint64
	task Task
}

func (e entry) before(f entry) bool { return e.at < f.at || e.at == f.at && e.seq < f.seq }

func newLoop(start world.Instant) *Loop { return &Loop{now: start, digest: fnv.New64a()} }

// Now is the time of the running task.
func (l *Loop) Now() world.Instant { return l.now }

// After schedules a task.
func (l *Loop) After(d world.Instant, t Task) {
	l.seq++
	l.queue = append(l.queue, entry{l.now + d, l.seq, t})
	for i := len(l.queue) - 1; i > 0; {
		parent := (i - 1) / 2
		if !l.queue[i].before(l.queue[parent]) {
			return
		}
		l.queue[i], l.queue[parent] = l.queue[parent], l.queue[i]
		i = parent
	}
}

// pop removes the first entry of a queue that is not empty.
func (l *Loop) pop() entry {
	first, last := l.queue[0], len(l.queue)-1
	l.queue[0] = l.queue[last]
	l.queue[last] = entry{}
	l.queue = l.queue[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if l.queue[child].before(l.queue[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		l.queue[i], l.queue[least] = l.queue[least], l.queue[i]
		i = least
	}
}

// runUntil runs everything before the given time, which is the present one afterwards. It stops early when done says so.
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

// Deliver hands an event to the World. It must be called from a task, never from inside a call of the World.
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

// record mixes the event into the digest of the run.
func (l *Loop) record(e world.Event) {
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
