package engine

import (
	"errors"
	"fmt"
	"time"

	"isuride/webapp/journal"
	"isuride/webapp/snapshot"
	"isuride/webapp/sqlstore"
	"isuride/webapp/state"
)

// source is where a generation's state comes from: the newest snapshot that fits the journal,
// else the one before, else the tables; and the events after it.
type source struct {
	head  *sqlstore.Snapshot                   // position, settings and models; the rest may be missing
	load  func() (*sqlstore.Snapshot, error)   // reads the rest
	store func(*journal.Journal) state.Options // of a store on the journal
}

// Recovered says what a generation's state was made of. The figures bound the time that it
// took, whatever the machine.
type Recovered struct {
	Snapshot string // its path; "" for the tables
	Rows     int    // read from the tables
	Bytes    int64  // of the snapshot
	Events   uint64 // replayed
	Replayed int64  // their bytes
	Took     time.Duration
	info     snapshot.Info
}

// errUnfit says that a snapshot does not fit this database and journal, and never will.
var errUnfit = errors.New("it does not fit")

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnfit, fmt.Sprintf(format, args...))
}

// recover makes the state. A snapshot that cannot be used is named in the log, and removed once
// another way has worked: what it lacks never comes back, and the log that goes on might look as
// if it did.
func (g *Generation) recover(from source, paths []string) error {
	position := from.head.Position
	if err := g.reaches(position); err != nil {
		return err
	}
	began := time.Now()
	var useless []string
	for _, path := range paths {
		err := g.restore(from, path)
		if err == nil {
			g.recovered.Took = time.Since(began)
			return g.removeSnapshots(useless)
		}
		g.cfg.Log.Warn("a snapshot is not used; an older way is taken", "snapshot", path, "err", err)
		if errors.Is(err, errUnfit) || errors.Is(err, snapshot.ErrDamaged) {
			useless = append(useless, path)
		}
	}
	rows, err := from.load()
	if err != nil {
		return err
	}
	if rows.Position != position {
		return fmt.Errorf("the database moved from event %d to %d while it was opened", position, rows.Position)
	}
	g.recovered = Recovered{Rows: rows.Rows() + len(rows.Tracks)}
	recovery := state.NewRecovery(state.New(from.store(g.journal), &rows.Tables, tracks(rows)), position)
	// Of what is released nothing is read, unless the tables are from before, as those of a
	// backup are. What is not has the charges under way.
	first := min(g.journal.Released(), position) + 1
	if err := g.replay(recovery, first, state.Span{From: position, To: position}, 0); err != nil {
		return err
	}
	g.recovered.Took = time.Since(began)
	return g.removeSnapshots(useless)
}

// reaches makes sure that the write-behind can go on from the tables' position.
func (g *Generation) reaches(position uint64) error {
	r, err := g.journal.ReadFrom(position + 1)
	var gone *journal.GoneError
	if errors.As(err, &gone) {
		return fmt.Errorf("the journal begins at event %d, but the database is at %d: the events between are missing", gone.Oldest, position)
	}
	if err != nil {
		return err
	}
	r.Close()
	return nil
}

// restore makes the state from a snapshot.
func (g *Generation) restore(from source, path string) error {
	r, err := snapshot.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	h := r.Header()
	if err := g.fits(h); err != nil {
		return err
	}
	g.recovered = Recovered{Snapshot: path, Bytes: r.Bytes(), Rows: from.head.Rows(), info: snapshot.Info{Header: h, Path: path, Bytes: r.Bytes()}}
	restoration := state.NewRestoration(from.store(g.journal), from.head.ChairModels, h.Size)
	if err := r.Each(restoration.Add); err != nil {
		return err
	}
	recovery, err := restoration.Recovery(h.Span, h.Hash)
	if err != nil {
		return unfit("%v", err)
	}
	first := max(min(h.Span.From+1, h.Span.To), g.journal.Oldest()) // with the record to compare, if it is there
	if err := g.replay(recovery, first, h.Span, h.Record); err != nil {
		return unfit("%v", err)
	}
	return nil
}

// fits compares a snapshot with the journal, which is known to fit the database.
func (g *Generation) fits(h snapshot.Header) error {
	end := g.journal.Appended()
	switch {
	case h.History != g.history:
		return unfit("it is of history %s, the database of history %s", h.History, g.history)
	case h.Generation != g.number:
		return unfit("it is of generation %d, the database of generation %d", h.Generation, g.number)
	case h.Span.To > end:
		return unfit("it goes up to event %d, the journal and the database up to event %d", h.Span.To, end)
	case end > h.Span.From && g.journal.Oldest() > h.Span.From+1:
		return unfit("it needs the events after %d, the journal begins at event %d", h.Span.From, g.journal.Oldest())
	}
	return nil
}

// replay brings a recovery to the end of the journal. The records from first on are read; the
// one at the end of the span must have the given checksum, if there is one.
func (g *Generation) replay(recovery *state.Recovery, first uint64, span state.Span, record snapshot.Record) error {
	r, err := g.journal.ReadFrom(first)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		seq, payload, ok := r.Next()
		if !ok {
			break
		}
		if seq == span.To && record != 0 && record != snapshot.RecordOf(payload) {
			return fmt.Errorf("event %d of the journal is not the one that was there when the snapshot was written", seq)
		}
		if journal.IsMark(payload) {
			err = recovery.Skip(seq)
		} else {
			err = recovery.Replay(seq, payload)
		}
		if err != nil {
			return fmt.Errorf("journal %s: %w", g.cfg.JournalDir, err)
		}
		if seq > span.From {
			g.recovered.Events++
			g.recovered.Replayed += int64(len(payload))
		}
	}
	g.open, g.openCharges, err = recovery.Finish(g.journal.Appended())
	if err != nil {
		return fmt.Errorf("journal %s: %w", g.cfg.JournalDir, err)
	}
	g.Store = recovery.Store()
	return nil
}

func (g *Generation) removeSnapshots(paths []string) error {
	for _, path := range paths {
		if err := removeFile(path); err != nil {
			return fmt.Errorf("remove a snapshot that does not fit: %w", err)
		}
		g.cfg.Log.Warn("a snapshot that is of no use is removed", "snapshot", path)
	}
	return nil
}

func tracks(snapshot *sqlstore.Snapshot) map[string]state.Track {
	m := make(map[string]state.Track, len(snapshot.Tracks))
	for id, t := range snapshot.Tracks {
		m[id] = state.Track{At: t.Last, Distance: t.Total, Reported: t.At}
	}
	return m
}
