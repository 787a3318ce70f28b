package sqlstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
)

// newHistory makes the identity of a database's content.
func newHistory() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// identify gives a database from before identities its own.
func (s *Store) identify(ctx context.Context) error {
	var names []string
	if err := s.db.SelectContext(ctx, &names, s.dialect.tables); err != nil || !slices.Contains(names, positionTable) {
		return err
	}
	if _, err := readPosition(ctx, s.db); err != nil {
		kind := "VARCHAR(32)"
		if s.dialect == &sqliteDialect {
			kind = "TEXT"
		}
		if _, err := s.db.ExecContext(ctx, "ALTER TABLE journal_position ADD COLUMN history "+kind+" NOT NULL DEFAULT ''"); err != nil {
			return err
		}
	}
	_, err := s.db.ExecContext(ctx, "UPDATE journal_position SET history = ? WHERE history = ''", newHistory())
	return err
}
