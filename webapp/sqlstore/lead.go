package sqlstore

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Lead makes this server the writer of a term, and returns where the tables are. A server
// that leads in an earlier term, or did before a pause, writes nothing from then on: each of
// its cuts looks at the term in its own transaction, and gets ErrFenced. So does Lead itself
// if a later term has begun. A transaction of an earlier leader that is under way ends first.
//
// Without a row of the position, as in an empty database, there is nothing to fence yet:
// the first Fill carries the term.
func (s *Store) Lead(ctx context.Context, term uint64) (State, error) {
	err := s.lead(ctx, term)
	if err != nil {
		s.freshen()
		return State{}, fmt.Errorf("lead the database in term %d: %w", term, err)
	}
	s.term = term
	state, err := s.State(ctx)
	if err == nil {
		s.left = &place{state.Generation, state.Position}
		s.pruning.restart()
		s.refused.known = false
	}
	return state, err
}

func (s *Store) lead(ctx context.Context, term uint64) error {
	at, err := s.positionIfAny(ctx, s.db)
	if err != nil || at == (position{}) {
		return err
	}
	return s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		at, err := readPosition(ctx, tx, s.dialect.lock)
		switch {
		case err != nil:
			return err
		case at.Term > term:
			return fmt.Errorf("%w: the leader of term %d writes it now", ErrFenced, at.Term)
		}
		_, err = tx.ExecContext(ctx, "UPDATE journal_position SET term = ? WHERE id = 1", term)
		return err
	})
}
