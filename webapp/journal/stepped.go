package journal

import "isuride/webapp/internal/disk"

// Stepped is a log without goroutines, for simulations: it is the same code on a disk that
// the caller chooses, and the caller does what the loops would do. Append and AppendEntry
// make the next segment themselves when they need it. All calls come from one goroutine,
// and Wait, WaitIn and the Wait of readers are not called: the caller looks at Watermark
// and Durable.
type Stepped struct {
	*Journal
}

// OpenStepped is Open without loops, on any disk.
func OpenStepped(o Options, d disk.Disk) (*Stepped, error) {
	j, err := build(o, d)
	if err != nil {
		return nil, err
	}
	j.stepped = true
	close(j.makeDone)
	close(j.syncDone)
	return &Stepped{Journal: j}, nil
}

// MakeSegment makes the next segment ahead, unless there is one: what happens in the
// background otherwise. ErrFull says that the disk has no room.
func (s *Stepped) MakeSegment() error {
	s.making.Lock()
	defer s.making.Unlock()
	return s.ensureSpare()
}

// BeginSync begins a sync of all that is appended by now, as if a slow disk had been asked.
// False: nothing needs one, or one is under way.
func (s *Stepped) BeginSync() bool {
	if s.under != nil || !s.unsynced() {
		return false
	}
	s.under = s.beginSync()
	return true
}

// EndSync ends the sync that was begun: only now the disk has it, and Durable says so. An
// error stops the log, as anywhere.
func (s *Stepped) EndSync() error {
	under := s.under
	s.under = nil
	if under == nil {
		return nil
	}
	return s.endSync(under)
}

// Sync is a sync that takes no time.
func (s *Stepped) Sync() error {
	s.BeginSync()
	return s.EndSync()
}

// Crash leaves the log as the end of the process does: nothing is synced, and no file is
// touched any more. The disk is then told what happened to it.
func (s *Stepped) Crash() { s.refuse(ErrClosed) }
