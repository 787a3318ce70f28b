package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// sums are the columns of the position row for the totals. They are all NULL as long as the
// totals are not known, as after an upgrade.
type sums struct {
	Requested *int64 `db:"rides_requested"`
	Completed *int64 `db:"rides_completed"`
	Owed      *int64 `db:"riders_owed"`
	Paid      *int64 `db:"riders_paid"`
	Discounts *int64 `db:"discounts_given"`
	Sales     *int64 `db:"owners_sales"`
	UnderWay  *int64 `db:"sales_under_way"`
	Issued    *int64 `db:"coupons_issued"`
	Used      *int64 `db:"coupons_used"`
}

// sumNames are their names, in the order of values.
var sumNames = []string{"rides_requested", "rides_completed", "riders_owed", "riders_paid", "discounts_given",
	"owners_sales", "sales_under_way", "coupons_issued", "coupons_used"}

// sumsOf returns the columns of totals; nil for unknown ones.
func sumsOf(t *isuride.Totals) sums {
	if t == nil {
		return sums{}
	}
	return sums{&t.Requested, &t.Completed, &t.Owed, &t.Paid, &t.Discounts, &t.Sales, &t.UnderWay, &t.Issued, &t.Used}
}

func (s *sums) values() []any {
	return []any{s.Requested, s.Completed, s.Owed, s.Paid, s.Discounts, s.Sales, s.UnderWay, s.Issued, s.Used}
}

// totals returns nil if they are not known.
func (s *sums) totals() *isuride.Totals {
	for _, p := range []*int64{s.Requested, s.Completed, s.Owed, s.Paid, s.Discounts, s.Sales, s.UnderWay, s.Issued, s.Used} {
		if p == nil {
			return nil
		}
	}
	return &isuride.Totals{Requested: *s.Requested, Completed: *s.Completed, Owed: *s.Owed, Paid: *s.Paid, Discounts: *s.Discounts,
		Sales: *s.Sales, UnderWay: *s.UnderWay, Issued: *s.Issued, Used: *s.Used}
}

// assignments sets all columns, with a parameter each.
var assignments = strings.Join(sumNames, " = ?, ") + " = ?"

// readTotals reads the totals of the position row of the tables with the suffix.
func readTotals(ctx context.Context, q sqlx.QueryerContext, suffix string) (*isuride.Totals, error) {
	var rows []sums
	err := sqlx.SelectContext(ctx, q, &rows, "SELECT "+strings.Join(sumNames, ", ")+" FROM "+positionTable+suffix+" WHERE id = 1")
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0].totals(), nil
}

// countRides sums up all rides with their coupons, and countCoupons all coupons: the books once
// more, by the database itself.
const (
	countRides = "SELECT COUNT(*) AS requested, COUNT(evaluation) AS completed," +
		" COALESCE(SUM(500 + CASE WHEN metered > worth THEN metered - worth ELSE 0 END), 0) AS owed," +
		" COALESCE(SUM(CASE WHEN evaluation IS NULL THEN 0 ELSE 500 + CASE WHEN metered > worth THEN metered - worth ELSE 0 END END), 0) AS paid," +
		" COALESCE(SUM(CASE WHEN metered > worth THEN worth ELSE metered END), 0) AS discounts," +
		" COALESCE(SUM(CASE WHEN evaluation IS NULL THEN 0 ELSE 500 + metered END), 0) AS sales," +
		" COALESCE(SUM(CASE WHEN evaluation IS NULL THEN 500 + metered ELSE 0 END), 0) AS underway" +
		" FROM (SELECT r.evaluation, 100 * (ABS(r.pickup_latitude - r.destination_latitude) + ABS(r.pickup_longitude - r.destination_longitude)) AS metered," +
		" COALESCE((SELECT MAX(c.discount) FROM coupons c WHERE c.user_id = r.user_id AND c.used_by = r.id), 0) AS worth FROM rides r) AS priced"
	countCoupons = "SELECT COALESCE(SUM(discount), 0) AS issued, COALESCE(SUM(CASE WHEN used_by IS NULL THEN 0 ELSE discount END), 0) AS used FROM coupons"
)

// CountBooks has the database sum up its rides and coupons, and reads the totals that were written
// with the last cut, at one position. Written is nil if they are not known. It takes the database a
// second for a million rides, and nobody waits for it.
func (s *Store) CountBooks(ctx context.Context) (counted isuride.Totals, written *isuride.Totals, err error) {
	var options *sql.TxOptions // SQLite has no others
	if s.dialect == &mysqlDialect {
		options = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	tx, err := s.db.BeginTxx(ctx, options)
	if err != nil {
		return counted, nil, fmt.Errorf("count the books: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was changed
	if written, err = readTotals(ctx, tx, ""); err == nil {
		err = tx.GetContext(ctx, &counted, countRides)
	}
	if err == nil {
		err = tx.GetContext(ctx, &counted, countCoupons)
	}
	if err != nil {
		return counted, nil, fmt.Errorf("count the books: %w", err)
	}
	return counted, written, nil
}

// Totals returns the totals that were written with the last cut, nil if they are not known.
func (s *Store) Totals(ctx context.Context) (*isuride.Totals, error) {
	t, err := readTotals(ctx, s.db, "")
	if err != nil {
		return nil, fmt.Errorf("read the totals: %w", err)
	}
	return t, nil
}

// Worth returns what the coupon was worth that a ride has used, 0 if it has none; ok is false if
// the tables lack the ride.
func (s *Store) Worth(ctx context.Context, ride *isuride.Ride) (worth int, ok bool, err error) {
	if err := s.db.GetContext(ctx, &ok, "SELECT EXISTS (SELECT 1 FROM rides WHERE id = ?)", ride.ID); err != nil || !ok {
		return 0, false, err
	}
	err = s.db.GetContext(ctx, &worth, "SELECT COALESCE(MAX(discount), 0) FROM coupons WHERE user_id = ? AND used_by = ?", ride.UserID, ride.ID)
	return worth, true, err
}
