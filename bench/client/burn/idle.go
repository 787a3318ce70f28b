package burn

import "time"

// idleWindow is some ticks long: within a tick there is always a burst and a rest.
const idleWindow = 300 * time.Millisecond

// idleMeter measures which share of their time the threads had nothing to do. The pool's
// mutex guards it.
type idleMeter struct {
	threads int
	working int       // threads that are
	changed time.Time // the last change
	begun   time.Time // of this window
	busy    time.Duration
	share   float64 // of the window before
}

func newIdleMeter(threads int) idleMeter {
	now := time.Now()
	return idleMeter{threads: threads, changed: now, begun: now, share: 1}
}

// change books that one more or less thread is working.
func (m *idleMeter) change(by int, now time.Time) {
	m.look(now)
	m.working += by
}

// look returns the share of idle time.
func (m *idleMeter) look(now time.Time) float64 {
	m.busy += time.Duration(m.working) * now.Sub(m.changed)
	m.changed = now
	if window := now.Sub(m.begun); window >= idleWindow {
		m.share = max(0, 1-float64(m.busy)/float64(window)/float64(m.threads))
		m.begun, m.busy = now, 0
	}
	return m.share
}
