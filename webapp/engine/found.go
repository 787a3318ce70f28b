package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"isuride/webapp/journal"
	"isuride/webapp/replica"
	"isuride/webapp/snapshot"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// Founded is what Found has made.
type Founded struct {
	Folder   string // of the group's log
	Before   string // where the journal of the server alone is now
	Position uint64 // the last event of the server alone
	Users    int
}

// Found makes the data of a server alone those of a member of a group: a snapshot of its
// state, and a log that goes on behind it. The server was stopped by TERM before, so that its
// tables have everything. Nothing is lost if it fails, or is killed: it can be called again.
//
// The other members begin with a copy of what it leaves.
func Found(ctx context.Context, db *sqlstore.Store, cfg Config) (f Founded, err error) {
	if cfg.Folder, err = LockFolder(cfg.JournalDir); err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, cfg.Folder.Close()) }()
	e := &Engine{cfg: cfg, db: db, failed: make(chan error, 1)}
	g, err := e.first(ctx)
	if err != nil {
		return f, err
	}
	head, err := db.LoadHead(ctx)
	if err != nil {
		return f, errors.Join(err, g.abandon())
	}
	f = Founded{Folder: filepath.Join(cfg.Folder.path, groupFolder), Before: filepath.Join(cfg.Folder.path, fmt.Sprintf("alone-%06d", g.number)),
		Position: g.journal.Appended(), Users: g.Store.Overview().Users}
	if f.Position != head.Position || len(g.open) > 0 {
		return f, errors.Join(fmt.Errorf("the server was not stopped in good order: its journal goes up to event %d, its tables up to %d, and %d payments are under way; start it once more and stop it by TERM",
			f.Position, head.Position, len(g.open)), g.abandon())
	}
	err = g.found(f, head)
	if err := errors.Join(err, g.abandon()); err != nil {
		return f, err
	}
	return f, rename(cfg.Folder.journal(g.number), f.Before)
}

// found makes the folder of the group, whole or not at all.
func (g *Generation) found(f Founded, head *sqlstore.Snapshot) error {
	dir := f.Folder + ".new"
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	h := snapshot.Header{History: g.history, Generation: g.number, Written: g.cfg.Now()}
	_, err := snapshot.Write(dir, h, func(add func(*state.Image) error) (snapshot.End, error) {
		n, err := g.count(add)
		return snapshot.End{Span: n.Span, Hash: n.Sum}, err
	})
	if err != nil {
		return err
	}
	b := &bases{path: filepath.Join(dir, basesName)}
	if err := b.keep(base{Position: f.Position, Generation: g.number, Settings: head.Settings, Models: head.ChairModels}); err != nil {
		return err
	}
	log, err := journal.Open(journal.Options{Dir: dir, History: g.history, Replicated: true, Base: foundingEntry(base{Position: f.Position}), Log: g.cfg.Log})
	if err == nil {
		err = log.Close()
	}
	if err != nil {
		return err
	}
	return rename(dir, f.Folder)
}

// foundingEntry is the entry that the log of a group begins behind, which was founded on the
// data of a server alone: others that lack it get a snapshot.
func foundingEntry(b base) journal.Base {
	if !b.founded() {
		return journal.Base{}
	}
	return journal.Base{Index: 1, Term: 1, Last: b.Position}
}

// rename is on the disk when it returns.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// founded says that a group was founded on the data of a server alone.
func (b *base) founded() bool { return b.Data == "" && b.Position > 0 }

// founding is what the members of such a group know before they have heard of each other: all
// have the same log, which ends with the founding entry.
func (g *Group) founding() replica.State {
	s := replica.State{Term: 1, Commit: 1}
	for _, m := range g.Members {
		s.Voters = append(s.Voters, replica.Peer{ID: replica.IDOf(m.Name), Member: m})
	}
	slices.SortFunc(s.Voters, func(a, b replica.Peer) int { return cmp.Compare(a.ID, b.ID) })
	return s
}
