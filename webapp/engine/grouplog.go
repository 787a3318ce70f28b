package engine

import (
	"isuride/webapp/journal"
	"isuride/webapp/replica"
)

// hooks are the group's log with what this member has to do when it moves. The group's own
// goroutine calls them.
type hooks struct {
	replica.Journal
	m *member
}

// Close ends the generation that leads before the log drops or takes anything that is not its.
func (h *hooks) Close() {
	if l := h.m.tenure.Load(); l != nil {
		l.end()
	}
	h.Journal.Close()
}

// Commit lets those pass who wait for what is committed now.
func (h *hooks) Commit(index uint64) {
	h.Journal.Commit(index)
	if l := h.m.tenure.Load(); l != nil {
		l.queue.pass()
	}
}

func (m *member) openLog() (err error) {
	m.journal, err = journal.Open(journal.Options{Dir: m.dir, History: m.history, Durability: m.cfg.Durability, Keep: m.cfg.KeepJournal, Repair: m.cfg.Repair, Log: m.cfg.Log})
	return err
}

func (m *member) join() error { return nil }

