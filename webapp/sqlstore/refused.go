package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jmoiron/sqlx"

	"isuride/webapp/isuride"
)

// A row that the database refuses for good, as one with a name that a narrowed column no
// longer takes, must neither end the service nor hold up the rows after it. It is kept in
// refused_rows, by the same transaction as the rest of its cut, so that the journal may
// let go of it. A later image of the row takes its place there until the database takes
// one. At each start all are tried again, and what is still refused is laid over the
// tables that are loaded.

// refusedRow is a row of refused_rows.
type refusedRow struct {
	Table    string `db:"table_name"`
	Key      string `db:"row_key"`
	Content  string `db:"content"` // columns by name as text, null for NULL
	Error    string `db:"error"`
	Position uint64 `db:"position"`
}

type refusedKey struct{ table, key string }

// refusals are the contents of the table refused_rows.
type refusals struct {
	known bool // whether rows are those of the table
	rows  map[refusedKey]refusedRow
	count atomic.Int64
}

// Refused returns the number of rows that the database refuses and that are kept beside
// the tables. It may be called from any goroutine.
func (s *Store) Refused() int { return int(s.refused.count.Load()) }

func (r *refusals) none() bool { return len(r.rows) == 0 }

// reload reads the table unless its rows are known.
func (r *refusals) reload(ctx context.Context, q sqlx.QueryerContext) error {
	if r.known {
		return nil
	}
	list, err := readRefused(ctx, q)
	if err != nil {
		return err
	}
	r.rows = map[refusedKey]refusedRow{}
	for _, row := range list {
		r.rows[refusedKey{row.Table, row.Key}] = row
	}
	r.known = true
	r.count.Store(int64(len(r.rows)))
	return nil
}

// readRefused reads the table, parents before children.
func readRefused(ctx context.Context, q sqlx.QueryerContext) (list []refusedRow, err error) {
	err = sqlx.SelectContext(ctx, q, &list, "SELECT table_name, row_key, content, error, position FROM refused_rows")
	if err != nil {
		return nil, err
	}
	order := allTables()
	slices.SortFunc(list, func(a, b refusedRow) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Table), slices.Index(order, b.Table)), cmp.Compare(a.Position, b.Position), cmp.Compare(a.Key, b.Key))
	})
	return list, nil
}

// careful writes a cut of which some rows are refused.
type careful struct {
	store    *Store
	tx       *sqlx.Tx
	in       inserter
	position uint64
	rows     *isuride.Tables
}

func (s *Store) cutWithRefusals(ctx context.Context, generation, to uint64, rows *isuride.Tables) error {
	err := s.cut(ctx, generation, to, rows, func(ctx context.Context, tx *sqlx.Tx) error {
		w := careful{s, tx, inserter{dialect: s.dialect, chunk: s.chunkNow(), upsert: true}, to, rows}
		for i := range tables {
			if err := w.table(ctx, &tables[i]); err != nil {
				return fmt.Errorf("write %s: %w", tables[i].name, err)
			}
		}
		return s.prune(ctx, tx, len(rows.ChairLocations))
	})
	before := s.refused.rows
	s.refused.known = false // the transaction knows
	if err != nil {
		return err
	}
	if err := s.refused.reload(ctx, s.db); err == nil { // otherwise the next cut does
		s.tell(before)
	}
	return nil
}

// table writes the rows in spans between those of which an earlier image was refused.
func (w *careful) table(ctx context.Context, tab *table) error {
	from := 0
	for i := range tab.rows(w.rows) {
		stored, ok := w.store.refused.rows[refusedKey{tab.name, tab.key(w.rows, i)}]
		if !ok {
			continue
		}
		if err := w.span(ctx, tab, w.rows, from, i); err != nil {
			return err
		}
		if err := w.again(ctx, tab, i, stored); err != nil {
			return err
		}
		from = i + 1
	}
	return w.span(ctx, tab, w.rows, from, tab.rows(w.rows))
}

// span writes the rows from one number up to another, and finds those that are refused.
func (w *careful) span(ctx context.Context, tab *table, t *isuride.Tables, from, to int) error {
	if from == to {
		return nil
	}
	err := attempt(ctx, w.tx, func() error { return w.in.span(ctx, w.tx, tab, t, from, to) })
	if !IsRefusal(err) {
		return err
	}
	if to-from == 1 {
		return w.store.keep(ctx, w.tx, tab, t, from, w.position, err)
	}
	middle := (from + to) / 2
	if err := w.span(ctx, tab, t, from, middle); err != nil {
		return err
	}
	return w.span(ctx, tab, t, middle, to)
}

// again writes row i, of which an earlier image is kept.
func (w *careful) again(ctx context.Context, tab *table, i int, stored refusedRow) error {
	one := new(isuride.Tables)
	if err := tab.decode(one, stored.Content); err != nil {
		return err
	}
	tab.overlay(one, 0, w.rows, i)
	if err := forget(ctx, w.tx, stored); err != nil {
		return err
	}
	return w.span(ctx, tab, one, 0, 1)
}

// attempt runs f so that a refusal undoes no more than f.
func attempt(ctx context.Context, tx *sqlx.Tx, f func() error) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT attempt"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = tx.ExecContext(ctx, "RELEASE SAVEPOINT attempt")
		return err
	}
	if IsRefusal(err) {
		if _, undo := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT attempt"); undo != nil {
			return undo
		}
	}
	return err
}

// keep puts row i into refused_rows. An error of that table itself is no row's: the cut
// waits until rows can be kept.
func (s *Store) keep(ctx context.Context, tx *sqlx.Tx, tab *table, t *isuride.Tables, i int, position uint64, why error) error {
	row := refusedRow{Table: tab.name, Key: tab.key(t, i), Content: tab.encode(t, i), Error: ascii(why.Error()), Position: position}
	_, err := tx.ExecContext(ctx, "REPLACE INTO refused_rows (table_name, row_key, content, error, position) VALUES (?, ?, ?, ?, ?)",
		row.Table, row.Key, row.Content, row.Error, row.Position)
	if err != nil {
		return fmt.Errorf("%w: %w", errCannotKeep, err)
	}
	return nil
}

// errCannotKeep says that refused_rows takes no rows.
var errCannotKeep = errors.New("the table refused_rows cannot take what another table refuses")

// tell logs the rows that a cut has added to refused_rows: which, and the number of the
// database's error, whose words may quote a token.
func (s *Store) tell(before map[refusedKey]refusedRow) {
	for key, row := range s.refused.rows {
		if before[key].Error == row.Error {
			continue
		}
		tab, one, err := row.decode()
		if err != nil {
			continue // logged at the next load
		}
		reason, _, _ := strings.Cut(row.Error, ":")
		s.log.Error("the database refuses a row for good; it is kept in refused_rows, with the reason, and tried again at the next start",
			"table", tab.name, "key", strings.Join(tab.keyTexts(one, 0), " "), "reason", reason)
	}
}

func forget(ctx context.Context, tx *sqlx.Tx, row refusedRow) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM refused_rows WHERE table_name = ? AND row_key = ?", row.Table, row.Key)
	return err
}

// retryRefused tries all rows again, parents before children.
func (s *Store) retryRefused(ctx context.Context) error {
	list, err := readRefused(ctx, s.db)
	if err != nil {
		return err
	}
	for _, row := range list {
		if err := s.retry(ctx, row); err != nil && !IsRefusal(err) {
			return fmt.Errorf("write a row of refused_rows: %w", err)
		}
	}
	if err := s.refused.reload(ctx, s.db); err != nil {
		return err
	}
	if n := s.Refused(); n > 0 {
		s.log.Warn("the database still refuses rows; they are loaded from refused_rows", "rows", n)
	}
	return nil
}

func (s *Store) retry(ctx context.Context, row refusedRow) error {
	tab, one, err := row.decode()
	if err != nil {
		return err
	}
	return s.transaction(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		in := inserter{dialect: s.dialect, chunk: s.chunkNow(), upsert: true}
		if err := in.span(ctx, tx, tab, one, 0, 1); err != nil {
			return err
		}
		return forget(ctx, tx, row)
	})
}

// layRefused puts the refused rows over those of the tables.
func (s *Store) layRefused(ctx context.Context, snapshot *Snapshot) error {
	list, err := readRefused(ctx, s.db)
	if err != nil {
		return fmt.Errorf("table %s: %w", refusedTable, err)
	}
	places := map[refusedKey]int{}
	indexed := map[string]bool{}
	moved := map[string][]isuride.ChairLocation{}
	for _, row := range list {
		tab, one, err := row.decode()
		if err != nil {
			return err
		}
		if tab.name == locationTable {
			moved[one.ChairLocations[0].ChairID] = append(moved[one.ChairLocations[0].ChairID], one.ChairLocations[0])
			continue
		}
		if !indexed[tab.name] {
			indexed[tab.name] = true
			for i := range tab.rows(&snapshot.Tables) {
				places[refusedKey{tab.name, tab.key(&snapshot.Tables, i)}] = i
			}
		}
		i, there := places[refusedKey{row.Table, row.Key}]
		if !there {
			i = tab.rows(&snapshot.Tables)
			tab.grow(&snapshot.Tables)
		}
		tab.overlay(&snapshot.Tables, i, one, 0)
	}
	return s.addReports(ctx, snapshot, moved)
}

// addReports sums up again the reports of chairs of which some were refused.
func (s *Store) addReports(ctx context.Context, snapshot *Snapshot, refused map[string][]isuride.ChairLocation) error {
	for chair, reports := range refused {
		stored, err := s.loadReports(ctx, chair)
		if err != nil {
			return err
		}
		snapshot.Tracks[chair] = trackOf(snapshot.deleted[chair], append(stored, reports...))
	}
	return nil
}

// trackOf sums up one chair's reports, which it sorts, after those that are deleted.
func trackOf(whole section, reports []isuride.ChairLocation) Track {
	slices.SortStableFunc(reports, func(a, b isuride.ChairLocation) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	for _, r := range reports {
		whole.add(report(r.Coordinate, r.CreatedAt))
	}
	return whole.Track
}

func (r refusedRow) decode() (*table, *isuride.Tables, error) {
	i := slices.IndexFunc(tables, func(t table) bool { return t.name == r.Table })
	if i < 0 {
		return nil, nil, fmt.Errorf("refused_rows names the table %q, which is none of ours; delete that row", r.Table)
	}
	one := new(isuride.Tables)
	if err := tables[i].decode(one, r.Content); err != nil {
		return nil, nil, fmt.Errorf("refused_rows, table %s, key %s: %w", r.Table, r.Key, err)
	}
	return &tables[i], one, nil
}

// key returns a digest of the row's primary key, short enough for a key of any table.
func (t *table) key(rows *isuride.Tables, i int) string {
	sum := sha256.Sum256([]byte(strings.Join(t.keyTexts(rows, i), "\x00")))
	return hex.EncodeToString(sum[:])
}

func (t *table) keyTexts(rows *isuride.Tables, i int) (texts []string) {
	for j, field := range t.fields(nil, rows, i) {
		if t.columns[j].key {
			texts = append(texts, plain(field))
		}
	}
	return texts
}

// encode returns the row as JSON, in ASCII.
func (t *table) encode(rows *isuride.Tables, i int) string {
	columns := map[string]*string{}
	for j, field := range t.fields(nil, rows, i) {
		c := &t.columns[j]
		if columns[c.name] = nil; !c.nullable || !isZero(field) {
			value := strings.ToValidUTF8(plain(field), "\uFFFD")
			columns[c.name] = &value
		}
	}
	text, err := json.Marshal(columns)
	if err != nil {
		panic("BUG: " + err.Error()) // strings always can
	}
	return ascii(string(text))
}

// decode appends the row that encode wrote.
func (t *table) decode(rows *isuride.Tables, content string) error {
	columns := map[string]*string{}
	if err := json.Unmarshal([]byte(content), &columns); err != nil {
		return err
	}
	t.grow(rows)
	for j, field := range t.fields(nil, rows, t.rows(rows)-1) {
		c := &t.columns[j]
		value, ok := columns[c.name]
		switch {
		case !ok:
			return fmt.Errorf("column %s is missing", c.name)
		case value == nil && c.nullable:
			continue
		case value == nil:
			return fmt.Errorf("column %s is NULL", c.name)
		}
		if err := parseValue(field, []byte(*value), c); err != nil {
			return err
		}
	}
	return nil
}

// overlay sets row i of rows to row k of later, except that a NULL leaves what is there
// (isuride.Event).
func (t *table) overlay(rows *isuride.Tables, i int, later *isuride.Tables, k int) {
	to, from := t.fields(nil, rows, i), t.fields(nil, later, k)
	for j := range to {
		if !t.columns[j].nullable || !isZero(from[j]) {
			assign(to[j], from[j])
		}
	}
}

// plain returns the text of a field, as parseValue reads it.
func plain(field any) string {
	switch p := field.(type) {
	case *string:
		return *p
	case *int32:
		return strconv.Itoa(int(*p))
	case *int64:
		return strconv.FormatInt(*p, 10)
	case *int:
		return strconv.Itoa(*p)
	case *isuride.Time:
		return string(appendDatetime(nil, *p))
	case *bool:
		if *p {
			return "1"
		}
		return "0"
	case *isuride.Status:
		return p.String()
	}
	panic(fmt.Sprintf("BUG: field of type %T", field))
}

func isZero(field any) bool {
	switch p := field.(type) {
	case *string:
		return *p == ""
	case *int:
		return *p == 0
	case *isuride.Time:
		return *p == 0
	}
	return false // no other kind is nullable
}

func assign(to, from any) {
	switch p := to.(type) {
	case *string:
		*p = *from.(*string)
	case *int32:
		*p = *from.(*int32)
	case *int64:
		*p = *from.(*int64)
	case *int:
		*p = *from.(*int)
	case *isuride.Time:
		*p = *from.(*isuride.Time)
	case *bool:
		*p = *from.(*bool)
	case *isuride.Status:
		*p = *from.(*isuride.Status)
	default:
		panic(fmt.Sprintf("BUG: field of type %T", to))
	}
}

// ascii writes all other letters as JSON does.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		}
	}
	return b.String()
}
