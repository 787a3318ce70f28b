package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/oklog/ulid/v2"

	"isuride/webapp/isuride"
)

// Rows of chair_locations that are older than Config.KeepPositions are deleted, a few in
// each cut, and their sum stays in chair_distances, written by the same transaction. So
// who reads both in one transaction finds every chair's distance, whenever that is.
//
// The sum of a chair continues in the rows that are left, so the rows that are deleted
// have to be its first in the order of time (S2.4). They are found by id, which is a ULID
// and grows with time. Rows of other programs need not be so:
//
//  1. Before anything is deleted all rows are looked at, some in each cut, and chairs
//     whose ids are not in the order of time keep their rows.
//  2. So do chairs of which a row is refused (refused.go), which would come later.
//  3. A chair that keeps one row keeps all later ones until the next survey, which a start
//     or a failed cut begins.
//
// Rejected: an index on (chair_id, created_at), which every report would pay for.

const (
	// surveyRows are looked at in a cut: some 10 ms.
	surveyRows = 20_000
	// pruneRows are deleted in a cut at least, and pruneLimit at most, if there are as
	// many. In between it is twice what the cut adds, so that a table which has become
	// too large shrinks under load, too.
	pruneRows  = 1_000
	pruneLimit = 20_000
	// idsInList bounds the ids in a statement, which SQLite limits to 32,766.
	idsInList = 1_000
)

// pruning is how far the deletion of old reports is. It belongs to the writer.
type pruning struct {
	keep time.Duration // 0: for ever
	now  func() isuride.Time

	surveyed bool
	from     string                  // id up to which the survey, then the deletion has come
	newest   map[string]isuride.Time // of the survey, by chair id
	stay     map[string]bool         // chairs that keep their rows
	deleting int                     // rows in the cut at work
	refused  bool                    // the database refuses to delete: not before the next start
}

// Deleted returns the number of old positions that were deleted. It may be called from any
// goroutine.
func (s *Store) Deleted() uint64 { return s.deleted.Load() }

// restart begins with a new survey.
func (p *pruning) restart() {
	p.surveyed, p.from, p.newest, p.stay, p.deleting = false, "", map[string]isuride.Time{}, map[string]bool{}, 0
}

// prune deletes old reports in the transaction of a cut that adds some. A refusal must
// not hold up the cut.
func (s *Store) prune(ctx context.Context, tx *sqlx.Tx, added int) error {
	if s.pruning.keep == 0 || s.pruning.refused {
		return nil
	}
	err := attempt(ctx, tx, func() error {
		if !s.pruning.surveyed {
			return s.survey(ctx, tx)
		}
		return s.deleteReports(ctx, tx, min(pruneRows+2*added, pruneLimit))
	})
	if IsRefusal(err) {
		s.pruning.refused = true
		s.log.Error("the database refuses to delete old positions; they stay until the next start", "err", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete old positions: %w", err)
	}
	return nil
}

// survey looks for chairs whose ids are not in the order of time.
func (s *Store) survey(ctx context.Context, tx *sqlx.Tx) error {
	p := &s.pruning
	n, err := s.reports(ctx, tx, "id > ?", surveyRows, []any{p.from}, func(r *isuride.ChairLocation) {
		if r.CreatedAt < p.newest[r.ChairID] {
			p.stay[r.ChairID] = true
		}
		p.newest[r.ChairID], p.from = r.CreatedAt, r.ID
	})
	if err != nil || n == surveyRows {
		return err
	}
	p.surveyed, p.from, p.newest = true, "", nil
	return s.stayRefused(ctx, tx)
}

// stayRefused adds the chairs of refused reports to those that keep their rows.
func (s *Store) stayRefused(ctx context.Context, tx *sqlx.Tx) error {
	list, err := readRefused(ctx, tx)
	if err != nil {
		return err
	}
	for _, row := range list {
		tab, one, err := row.decode()
		if err == nil && tab.name == locationTable {
			s.pruning.stay[one.ChairLocations[0].ChairID] = true
		}
	}
	return nil
}

// deleteReports deletes so many reports at most.
func (s *Store) deleteReports(ctx context.Context, tx *sqlx.Tx, limit int) error {
	p := &s.pruning
	if !s.refused.none() || !s.refused.known {
		if err := s.stayRefused(ctx, tx); err != nil {
			return err
		}
	}
	before := p.now() - isuride.Time(p.keep.Microseconds())
	if before <= 0 {
		return nil
	}
	var batch []isuride.ChairLocation
	_, err := s.reports(ctx, tx, "id > ? AND id < ?", limit, []any{p.from, firstID(before)}, func(r *isuride.ChairLocation) { batch = append(batch, *r) })
	if err != nil || len(batch) == 0 {
		return err
	}
	sums, err := s.sumsOf(ctx, tx, batch)
	if err != nil {
		return err
	}
	old := slices.DeleteFunc(slices.Clone(batch), func(r isuride.ChairLocation) bool { return !p.take(sums, &r, before) })
	if err := s.replaceBySums(ctx, tx, old, sums, len(old) == len(batch)); err != nil {
		return err
	}
	p.from = batch[len(batch)-1].ID
	p.deleting = len(old)
	return nil
}

// take adds a report to its chair's sum, unless it has to stay.
func (p *pruning) take(sums map[string]*section, r *isuride.ChairLocation, before isuride.Time) bool {
	sum := sums[r.ChairID]
	if r.CreatedAt >= before || sum.firstAt != 0 && r.CreatedAt < sum.At {
		p.stay[r.ChairID] = true
	}
	if p.stay[r.ChairID] {
		return false
	}
	sum.add(report(r.Coordinate, r.CreatedAt))
	return true
}

// sumsOf returns the sums of the chairs that have reports in the batch.
func (s *Store) sumsOf(ctx context.Context, tx *sqlx.Tx, batch []isuride.ChairLocation) (map[string]*section, error) {
	sums := map[string]*section{}
	var chairs []string
	for i := range batch {
		if id := batch[i].ChairID; sums[id] == nil {
			sums[id] = new(section)
			chairs = append(chairs, id)
		}
	}
	var rows isuride.Tables
	for ids := range slices.Chunk(chairs, idsInList) {
		where, args, err := sqlx.In(" WHERE chair_id IN (?)", ids)
		if err != nil {
			return nil, err
		}
		if err := s.loadRowsFrom(ctx, tx, tableOf(distanceTable), &rows, where, args...); err != nil {
			return nil, err
		}
	}
	for i := range rows.ChairDistances {
		d := &rows.ChairDistances[i]
		if sum := sums[d.ChairID]; sum != nil {
			*sum = deletedReports(d)
			continue
		}
		for id := range sums { // MySQL takes it for the same
			if strings.EqualFold(id, d.ChairID) {
				s.pruning.stay[id] = true
			}
		}
	}
	return sums, nil
}

// replaceBySums deletes the reports and writes the sums of their chairs. all says that
// there are no others between the first and the last.
func (s *Store) replaceBySums(ctx context.Context, tx *sqlx.Tx, old []isuride.ChairLocation, sums map[string]*section, all bool) error {
	if len(old) == 0 {
		return nil
	}
	var rows isuride.Tables
	written := map[string]bool{}
	for i := range old {
		if id := old[i].ChairID; !written[id] {
			written[id] = true
			sum := sums[id]
			rows.ChairDistances = append(rows.ChairDistances, isuride.ChairDistance{ChairID: id, Total: sum.Total, Coordinate: sum.Last, ReportedAt: sum.At})
		}
	}
	in := inserter{dialect: s.dialect, chunk: s.chunkNow(), upsert: true}
	if err := in.table(ctx, tx, tableOf(distanceTable), &rows); err != nil {
		return err
	}
	if all {
		return deleteExactly(ctx, tx, len(old), "DELETE FROM chair_locations WHERE id >= ? AND id <= ?", old[0].ID, old[len(old)-1].ID)
	}
	for part := range slices.Chunk(old, idsInList) {
		ids := make([]string, len(part))
		for i := range part {
			ids[i] = part[i].ID
		}
		query, args, err := sqlx.In("DELETE FROM chair_locations WHERE id IN (?)", ids)
		if err != nil {
			return err
		}
		if err := deleteExactly(ctx, tx, len(part), query, args...); err != nil {
			return err
		}
	}
	return nil
}

// deleteExactly fails if it is not n rows that go.
func deleteExactly(ctx context.Context, tx *sqlx.Tx, n int, query string, args ...any) error {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if gone, err := result.RowsAffected(); err != nil || gone != int64(n) {
		return fmt.Errorf("%d rows would go instead of %d: %w", gone, n, cmp.Or(err, ErrFenced))
	}
	return nil
}

// reports hands over the reports that the condition selects, in the order of their ids,
// and returns their number.
func (s *Store) reports(ctx context.Context, tx *sqlx.Tx, where string, limit int, args []any, f func(*isuride.ChairLocation)) (n int, err error) {
	tab, rows := tableOf(locationTable), isuride.Tables{ChairLocations: make([]isuride.ChairLocation, 1)}
	fields := tab.fields(nil, &rows, 0)
	err = s.scan(ctx, tx, func(values []sql.RawBytes) error {
		for i, field := range fields {
			if err := parseColumn(field, values[i], &tab.columns[i]); err != nil {
				return err
			}
		}
		n++
		f(&rows.ChairLocations[0])
		return nil
	}, fmt.Sprintf("SELECT %s FROM chair_locations WHERE %s ORDER BY id LIMIT %d", strings.Join(tab.columnNames(), ", "), where, limit), args...)
	return n, err
}

// firstID is the least ULID of a millisecond.
func firstID(at isuride.Time) string {
	var id ulid.ULID
	_ = id.SetTime(uint64(at.Milli())) // fails in the year 10889
	return id.String()
}
