package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// textColumn is a column of one of the ten tables as MySQL has it.
type textColumn struct {
	Table     string `db:"tab"`
	Name      string `db:"col"`
	Set       string `db:"charset"`
	Collation string `db:"collation"`
	Type      string `db:"type"`
	Nullable  bool   `db:"nullable"`
}

// binaryNames are the columns whose collation must tell all names apart, see decision
// 0002.
var binaryNames = []string{"owners.name", "users.username"}

// textQuery leaves out enumerations, whose words are ASCII.
var textQuery = "SELECT table_name AS tab, column_name AS col, character_set_name AS charset, collation_name AS collation," +
	" column_type AS type, is_nullable = 'YES' AS nullable FROM information_schema.columns" +
	" WHERE table_schema = DATABASE() AND character_set_name IS NOT NULL AND data_type <> 'enum'" +
	" AND table_name IN (" + quotedNames(allTables()[:len(tables)]) + ") ORDER BY table_name, ordinal_position"

// checkTexts refuses columns that do not take every letter, or take two names for one.
func (s *Store) checkTexts(ctx context.Context) error {
	var columns []textColumn
	if err := s.db.SelectContext(ctx, &columns, textQuery); err != nil {
		return err
	}
	columns = slices.DeleteFunc(columns, textColumn.good)
	if len(columns) == 0 {
		return nil
	}
	var statements []string
	for _, c := range columns {
		statements = append(statements, c.mend())
	}
	first := columns[0]
	return fmt.Errorf("%w: column %s.%s has the character set %s and the collation %s, in which not every name can be written or told from others; run %s",
		ErrTable, first.Table, first.Name, first.Set, first.Collation, strings.Join(statements, "; "))
}

func (c textColumn) good() bool {
	return c.Set == "utf8mb4" && (!c.binary() || strings.HasSuffix(c.Collation, "_bin"))
}

func (c textColumn) binary() bool { return slices.Contains(binaryNames, c.Table+"."+c.Name) }

// mend returns the statement that makes the column good. Converting the whole table would
// take the binary collation from names.
func (c textColumn) mend() string {
	collation, null := "utf8mb4_general_ci", "NOT NULL"
	if c.binary() {
		collation = "utf8mb4_bin"
	}
	if c.Nullable {
		null = "NULL"
	}
	return fmt.Sprintf("ALTER TABLE %s MODIFY %s %s CHARACTER SET utf8mb4 COLLATE %s %s", c.Table, c.Name, c.Type, collation, null)
}
