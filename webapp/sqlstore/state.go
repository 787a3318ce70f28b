package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// State says what the database holds.
type State struct {
	// Exists: all ten tables of the contest are there.
	Exists bool
	// Ready: they hold everything up to Position of Generation. If they do not and are
	// not foreign, they are empty or half filled: a Reset has to be done.
	Ready                bool
	Generation, Position uint64
	// History is the identity of the data, 32 hexadecimal digits, "" before the first
	// fill. It stays over every Reset, and the journal's segments carry it too.
	History string
	// Foreign: another program filled them, and no generation of ours was ever there.
	// Adopt takes them over; Reset would throw them away.
	Foreign bool
	// Damaged names tables that are missing although the position says that all were
	// complete. Filling the database again would throw away what is left.
	Damaged string
}

// Our own tables that are no part of a data set.
const (
	positionTable = "journal_position"
	refusedTable  = "refused_rows"
	chainTable    = "journal_chain"
)

// position is the row of the position table. Numbers stay far below 2^63, the limit of
// both dialects.
type position struct {
	Generation uint64 `db:"generation"`
	Position   uint64 `db:"position"`
	Ready      bool   `db:"ready"`
	History    string `db:"history"`
	Term       uint64 `db:"term"`
	sums              // written only; readTotals reads them
}

// State reads what the database holds; an empty one is no error.
func (s *Store) State(ctx context.Context) (State, error) {
	state, err := s.state(ctx)
	if err != nil {
		return State{}, fmt.Errorf("read the database's state: %w", err)
	}
	return state, nil
}

func (s *Store) state(ctx context.Context) (State, error) {
	names, err := s.tableNames(ctx, s.db)
	if err != nil {
		return State{}, err
	}
	var missing, own []string
	for i := range tables {
		switch {
		case slices.Contains(names, tables[i].name):
		case tables[i].own:
			own = append(own, tables[i].name)
		default:
			missing = append(missing, tables[i].name)
		}
	}
	state := State{Exists: missing == nil}
	if slices.Contains(names, positionTable) {
		p, err := readPosition(ctx, s.db, "")
		if err != nil {
			return State{}, err
		}
		missing = append(missing, own...)
		state.Ready = missing == nil && p.Ready
		if p.Ready {
			state.Damaged = strings.Join(missing, ", ")
		}
		state.Generation, state.Position, state.History = p.Generation, p.Position, p.History
	}
	if !state.Exists || state.Generation != 0 {
		return state, nil
	}
	err = s.db.GetContext(ctx, &state.Foreign, "SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM owners)")
	return state, err
}

// readPosition reads the position; without a row all is zero. lock ends the query.
func readPosition(ctx context.Context, q sqlx.QueryerContext, lock string) (position, error) {
	var rows []position
	err := sqlx.SelectContext(ctx, q, &rows, "SELECT generation, position, ready, history, term FROM journal_position WHERE id = 1"+lock)
	if err != nil || len(rows) == 0 {
		return position{}, err
	}
	return rows[0], nil
}
