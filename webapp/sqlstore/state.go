package sqlstore

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// State says what the database holds.
type State struct {
	// Exists: all tables are there.
	Exists bool
	// Ready: they hold everything up to Position of Generation. If not, a Reset did not
	// come to its end and has to be done again.
	Ready                bool
	Generation, Position uint64
}

// positionTable is the eleventh table, our own.
const positionTable = "journal_position"

// position is the row of the position table. Numbers stay far below 2^63, the limit of
// both dialects.
type position struct {
	Generation uint64 `db:"generation"`
	Position   uint64 `db:"position"`
	Ready      bool   `db:"ready"`
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
	present := map[string]bool{}
	for _, name := range names {
		present[name] = true
	}
	exists := true
	for i := range tables {
		exists = exists && present[tables[i].name]
	}
	if !present[positionTable] {
		return State{Exists: exists}, nil
	}
	p, err := readPosition(ctx, s.db)
	return State{Exists: exists, Ready: exists && p.Ready, Generation: p.Generation, Position: p.Position}, err
}

// readPosition reads the position; without a row all is zero.
func readPosition(ctx context.Context, q sqlx.QueryerContext) (position, error) {
	var rows []position
	err := sqlx.SelectContext(ctx, q, &rows, "SELECT generation, position, ready FROM journal_position WHERE id = 1")
	if err != nil || len(rows) == 0 {
		return position{}, err
	}
	return rows[0], nil
}
