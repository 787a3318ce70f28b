// Package engine puts the parts of a server together: a generation is one life of
// {state, journal, write-behind, matching, payments}, from one initialize to the next.
// The engine opens the generation that the database holds, replaces it on initialize,
// and stops it in good order.
//
// It leaves the rules to state, the promises to journal and flush, and HTTP to api.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"isuride/webapp/dispatch"
	"isuride/webapp/isuride"
	"isuride/webapp/journal"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// Config configures an engine. All fields are required but for Repair, Violated, Snapshots and Group.
type Config struct {
	// JournalDir holds a folder of segments for each generation.
	JournalDir string
	// Folder is JournalDir, locked; the engine has it from Start on. If it is nil, Start
	// locks it.
	Folder     *Folder
	Durability journal.Durability
	// KeepJournal is the number of bytes of released segments that stay in the journal.
	KeepJournal int64
	// Repair has a corrupt journal cut instead of refused.
	Repair bool
	// InitialData yields the data set that a new generation starts with; it may be
	// changed by the engine.
	InitialData func() (*isuride.Tables, error)
	// Describe renders the constant part of a chair, see state.Options.
	Describe func(*isuride.Chair) []byte
	// Solver makes a solver for one region.
	Solver   func() dispatch.Solver
	Dispatch dispatch.Params
	// Violated gets each contradiction that the audit finds, and the folder of the journal in
	// which what came before can be looked up. It may take its time. It may be nil.
	Violated func(v *state.Violation, journal string)
	// Snapshots may be left zero.
	Snapshots Snapshots
	// Group makes the engine a member of a group of replicas; nil for a server alone.
	Group *Group
	Now   func() isuride.Time
	Log   *slog.Logger
}

// Engine holds the current generation.
type Engine struct {
	cfg     Config
	db      database // nil for a member of a group
	member  *member  // nil for a server alone
	current atomic.Pointer[Generation]
	failed  chan error // holds the first failure that the server cannot survive

	initializes        calls
	succeeded, refused atomic.Uint64 // initializes

	changing  sync.Mutex // one initialize, or stop, at a time
	stopped   bool       // guarded by changing
	unsettled *takeover  // guarded by changing: its outcome is not known; nil if there is none
}

// stopLimit is generous: it only ends what would otherwise never end.
const stopLimit = 30 * time.Second

// Start opens the generation that the database holds, or a first one: on the rows of
// another program if it holds such, else on the initial data. The database is the
// engine's until Stop.
func Start(ctx context.Context, db *sqlstore.Store, cfg Config) (*Engine, error) {
	return start(ctx, db, cfg)
}

// StartMember makes this server a member of the group in cfg. It begins as a standby, and opens
// its database by itself.
func StartMember(ctx context.Context, cfg Config) (*Engine, error) {
	return start(ctx, nil, cfg)
}

func start(ctx context.Context, db database, cfg Config) (*Engine, error) {
	if cfg.Folder == nil {
		var err error
		if cfg.Folder, err = LockFolder(cfg.JournalDir); err != nil {
			return nil, err
		}
	}
	e := &Engine{cfg: cfg, db: db, failed: make(chan error, 1)}
	begin := e.begin
	if cfg.Group != nil {
		begin = e.startMember
	}
	if err := begin(ctx); err != nil {
		return nil, errors.Join(err, cfg.Folder.Close())
	}
	return e, nil
}

// begin opens the first generation, and runs it.
func (e *Engine) begin(ctx context.Context) error {
	g, err := e.first(ctx)
	if err != nil {
		return err
	}
	e.current.Store(g)
	g.run()
	return nil
}

// first opens the first generation. The journals are looked at before the database is
// changed.
func (e *Engine) first(ctx context.Context) (*Generation, error) {
	if err := e.cfg.Folder.forAlone(); err != nil {
		return nil, err
	}
	if err := e.fence(ctx); err != nil {
		return nil, err
	}
	st, err := e.db.State(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := e.cfg.Folder.check(st); err != nil {
		return nil, err
	}
	if err := e.prepare(ctx, st); err != nil {
		return nil, err
	}
	e.sweep(ctx)
	return e.open(ctx)
}

// prepare makes the tables hold a generation of ours.
func (e *Engine) prepare(ctx context.Context, st sqlstore.State) error {
	switch {
	case st.Ready:
		return nil
	case st.Foreign:
		e.cfg.Log.Info("taking over the tables that another program filled")
		return e.db.Adopt(ctx, st.Generation+1)
	case st.Damaged != "":
		return fmt.Errorf("the database lacks %s, which generation %d had: restore what is missing, or drop the table journal_position to begin with the initial data",
			st.Damaged, st.Generation)
	}
	e.cfg.Log.Info("filling the database with the initial data")
	rows, err := e.initialData("")
	if err != nil {
		return err
	}
	return e.db.Reset(ctx, st.Generation+1, rows)
}

// Current returns the generation that serves requests now. It is nil while another server of
// the group leads, or none does.
func (e *Engine) Current() *Generation { return e.current.Load() }

// latest returns the generation that serves, or else the one that follows; nil for a witness.
// What the latter's state is may only be looked at by standby.view.
func (e *Engine) latest() *Generation {
	if g := e.current.Load(); g != nil || e.member == nil {
		return g
	}
	if s := e.following(); s != nil {
		return s.gen.Load()
	}
	return nil
}

// following returns the standby that this server is, nil if it is none now.
func (e *Engine) following() *standby {
	if e.member == nil {
		return nil
	}
	return e.member.standby.Load()
}

// Failed yields an error after which the server must not go on: nothing more can be
// recorded.
func (e *Engine) Failed() <-chan error { return e.failed }

func (e *Engine) fail(err error) {
	select {
	case e.failed <- err:
	default: // the first failure is the one to report
	}
}

func setSetting(rows *isuride.Tables, name, value string) {
	for i := range rows.Settings {
		if rows.Settings[i].Name == name {
			rows.Settings[i].Value = value
			return
		}
	}
	rows.Settings = append(rows.Settings, isuride.Setting{Name: name, Value: value})
}

// Stop ends the current generation in good order: everything recorded is in the
// database afterwards.
func (e *Engine) Stop() (err error) {
	defer func() { err = errors.Join(err, e.cfg.Folder.Close()) }()
	e.changing.Lock()
	defer e.changing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	e.stopped = true
	if e.member != nil {
		return e.member.stop(ctx)
	}
	if e.unsettled != nil {
		if err := e.settleLocked(ctx); err != nil {
			e.Current().discard() // the journal keeps what the database may still take
			return err
		}
	}
	return e.Current().stop(ctx)
}
