package logging

import (
	"io"
	"sync/atomic"
	"time"
)

// queueLength bounds the lines that wait for a slow reader: several seconds of a busy
// log, and less than a megabyte.
const queueLength = 1024

// Queue writes lines by a goroutine of its own, so that a reader that is slow or does not
// read at all delays nothing. When it is full, lines are dropped; lines that cannot be
// written are lost as well. Both are counted.
type Queue struct {
	lines chan []byte
	done  chan struct{} // closed when the last line is written
	lost  atomic.Uint64
}

// NewQueue writes to w from now on.
func NewQueue(w io.Writer) *Queue {
	q := &Queue{lines: make(chan []byte, queueLength), done: make(chan struct{})}
	go q.run(w)
	return q
}

func (q *Queue) run(w io.Writer) {
	defer close(q.done)
	for line := range q.lines {
		if line == nil {
			return
		}
		if _, err := w.Write(line); err != nil {
			q.lost.Add(1)
		}
	}
}

// Write takes a whole line. It never waits and never fails.
func (q *Queue) Write(line []byte) (int, error) {
	select {
	case q.lines <- append([]byte{}, line...):
	default:
		q.lost.Add(1)
	}
	return len(line), nil
}

// Lost returns the number of lines that were dropped.
func (q *Queue) Lost() uint64 { return q.lost.Load() }

// Close waits until everything is written, but not longer than the limit. Lines that come
// later may be lost.
func (q *Queue) Close(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case q.lines <- nil:
	case <-timer.C:
		return
	}
	select {
	case <-q.done:
	case <-timer.C:
	}
}
