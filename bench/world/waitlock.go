package world

// A waitLock makes the turns of several entities wait for each other where the rules say
// that one holds a lock during a call (B2.5). It never blocks: a turn that cannot have it
// is parked and resumed, first come first served.
type waitLock struct {
	held   bool
	parked []parkedTurn
}

// A parkedTurn tries again when it is resumed.
type parkedTurn interface{ resume() }

// acquire takes the lock for longer than this moment, until release. If it is held, the
// turn is parked and false is returned.
func (l *waitLock) acquire(t parkedTurn) bool {
	if !l.pass(t) {
		return false
	}
	l.held = true
	return true
}

// pass is for turns that only need the lock to be free at this moment.
func (l *waitLock) pass(t parkedTurn) bool {
	if l.held {
		l.parked = append(l.parked, t)
		return false
	}
	return true
}

// release gives the lock up and resumes parked turns until one of them takes it again.
func (l *waitLock) release() {
	l.held = false
	for !l.held && len(l.parked) > 0 {
		t := l.parked[0]
		l.parked = l.parked[1:]
		t.resume()
	}
}
