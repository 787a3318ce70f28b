package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
)

// Adopt takes over tables that another program filled, such as the contest's own scripts
// (State.Foreign), as position 0 of the generation. Their rows stay; a history begins.
func (s *Store) Adopt(ctx context.Context, generation uint64) error {
	if err := s.adopt(ctx, generation); err != nil {
		return fmt.Errorf("adopt the database: %w", err)
	}
	return nil
}

// adopt comes to the position last: until then the tables are foreign, and it can be
// repeated.
func (s *Store) adopt(ctx context.Context, generation uint64) error {
	statements := slices.Clone(s.dialect.adopt)
	faults, err := s.unsafeTables(ctx)
	if err != nil {
		return err
	}
	for _, fault := range faults {
		statements = append(statements, "ALTER TABLE "+fault.Table+" ENGINE = InnoDB")
	}
	names, err := s.tableNames(ctx, s.db)
	if err != nil {
		return err
	}
	for _, table := range []string{distanceTable, refusedTable, chainTable, positionTable} {
		create, err := s.dialect.create(table)
		if err != nil {
			return err
		}
		if !slices.Contains(names, table) {
			statements = append(statements, create)
		}
	}
	if err := s.transaction(ctx, execute(statements...)); err != nil {
		return err
	}
	if err := s.checkTables(ctx); err != nil {
		return err
	}
	history, err := s.historyOrNew(ctx)
	if err != nil {
		return err
	}
	err = s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		return setPosition(ctx, tx, "", position{Generation: generation, Ready: true, History: history})
	})
	if err == nil {
		s.left = &place{generation, 0}
	}
	return err
}
