package sqlstore

import (
	"context"
	"fmt"
)

// Adopt takes over tables that another program filled, such as the contest's own scripts
// (State.Foreign), as position 0 of the generation. Their rows stay.
func (s *Store) Adopt(ctx context.Context, generation uint64) error {
	position, _, err := s.dialect.statements()
	if err != nil {
		return fmt.Errorf("adopt the database: %w", err)
	}
	// The position comes last: until then the tables are foreign, and it can be repeated.
	if err := s.transaction(ctx, execute(append(s.dialect.adopt, position)...)); err != nil {
		return fmt.Errorf("adopt the database: %w", err)
	}
	if err := s.transaction(ctx, mark(generation, "")); err != nil {
		return fmt.Errorf("adopt the database: mark as ready: %w", err)
	}
	return nil
}
