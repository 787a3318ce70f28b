package sqlstore

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// writeChain writes what a cut adds to the chain of hashes, and forgets the links that the log is
// beyond.
func writeChain(ctx context.Context, tx *sqlx.Tx, c *isuride.Chain) error {
	if _, err := tx.ExecContext(ctx, "UPDATE journal_position SET chain_position = ?, chain = ? WHERE id = 1", c.Head.Position, c.Head.Hash); err != nil {
		return err
	}
	if len(c.Ended) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM journal_chain WHERE position + 1 < ?", c.Oldest); err != nil {
		return err
	}
	for _, l := range c.Ended {
		// A server that ended where a stretch did leaves its link to the next one.
		if _, err := tx.ExecContext(ctx, "DELETE FROM journal_chain WHERE position = ?", l.Position); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO journal_chain (position, hash) VALUES (?, ?)", l.Position, l.Hash); err != nil {
			return err
		}
	}
	return nil
}

// link is a place in the log with a hash.
type link struct {
	Position uint64 `db:"position"`
	Hash     string `db:"hash"`
}

// Chain returns the links that the database has, in the order of the log, the head last; none if
// there is no chain.
func (s *Store) Chain(ctx context.Context) (links []isuride.Link, err error) {
	var rows []link
	err = s.db.SelectContext(ctx, &rows, "SELECT position, hash FROM journal_chain UNION SELECT chain_position, chain FROM journal_position WHERE id = 1 AND chain <> '' ORDER BY position")
	if err != nil {
		return nil, fmt.Errorf("read the chain of hashes: %w", err)
	}
	for _, l := range rows {
		links = append(links, isuride.Link(l))
	}
	return links, nil
}

// readHead returns the head of the chain if it is at the position, else where a chain begins there.
func readHead(ctx context.Context, q sqlx.QueryerContext, position uint64) (isuride.Link, error) {
	var rows []link
	err := sqlx.SelectContext(ctx, q, &rows, "SELECT chain_position AS position, chain AS hash FROM journal_position WHERE id = 1")
	if err != nil || len(rows) == 0 || rows[0].Position != position {
		return isuride.Link{Position: position}, err
	}
	return isuride.Link(rows[0]), nil
}
