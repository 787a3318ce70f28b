package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
)

// State says what the database holds.
type State struct {
	// Exists: all ten tables are there.
	Exists bool
	// Ready: they hold everything up to Position of Generation. If they do not and are
	// not foreign, they are empty or a Reset did not come to its end: it has to be done.
	Ready                bool
	Generation, Position uint64
	// History is the identity of what the tables hold, the same in the journal; "" before the first
	// fill or adoption.
	History string
	// Foreign: another program filled them, and no generation of ours was ever there.
	// Adopt takes them over; Reset would throw them away.
	Foreign bool
}

// positionTable is the eleventh table, our own.
const positionTable = "journal_position"

// position is the row of the position table. Numbers stay far below 2^63, the limit of
// both dialects.
type position struct {
	Generation uint64 `db:"generation"`
	Position   uint64 `db:"position"`
	Ready      bool   `db:"ready"`
	History    string `db:"history"`
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
	var names []string
	if err := s.db.SelectContext(ctx, &names, s.dialect.tables); err != nil {
		return State{}, err
	}
	state := State{Exists: true}
	for i := range tables {
		state.Exists = state.Exists && slices.Contains(names, tables[i].name)
	}
	if slices.Contains(names, positionTable) {
		p, err := readPosition(ctx, s.db)
		if err != nil {
			return State{}, err
		}
		state.Ready = state.Exists && p.Ready
		state.Generation, state.Position, state.History = p.Generation, p.Position, p.History
	}
	if !state.Exists || state.Generation != 0 {
		return state, nil
	}
	err := s.db.GetContext(ctx, &state.Foreign, "SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM owners)")
	return state, err
}

// readPosition reads the position; without a row all is zero.
func readPosition(ctx context.Context, q sqlx.QueryerContext) (position, error) {
	var rows []position
	err := sqlx.SelectContext(ctx, q, &rows, "SELECT generation, position, ready, history FROM journal_position WHERE id = 1")
	if err != nil || len(rows) == 0 {
		return position{}, err
	}
	return rows[0], nil
}
