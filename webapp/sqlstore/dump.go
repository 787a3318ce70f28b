package sqlstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"isuride/webapp/isuride"
)

// ParseDump reads the rows out of a mysqldump file of the contest's ten tables and chair_distances: INSERT and REPLACE
// statements with VALUES, with or without a list of columns, and MySQL's escapes. Other
// statements that belong to dumps are skipped; what is no such statement, or not ended,
// is an error. An error names the line and the table.
func ParseDump(r io.Reader) (*isuride.Tables, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read dump: %w", err)
	}
	p := dumpParser{text: bytes.TrimPrefix(text, []byte(utf8Mark))}
	for p.next() {
		if err := p.statement(); err != nil {
			return nil, fmt.Errorf("dump line %d: %w", p.line(), err)
		}
	}
	if p.unfinished != "" {
		return nil, fmt.Errorf("dump line %d: the dump ends within %s", p.line(), p.unfinished)
	}
	return &p.rows, nil
}

// dumpParser reads the text from pos on.
type dumpParser struct {
	text []byte
	pos  int
	rows isuride.Tables

	fields []any
	value  []byte // text of the last string

	unfinished string // what is open between statements
}

var errDumpEnds = errors.New("the dump ends within a statement")

// line returns the number of the current line, from 1.
func (p *dumpParser) line() int { return 1 + bytes.Count(p.text[:p.pos], []byte("\n")) }

// next goes to the next statement and reports whether there is one.
func (p *dumpParser) next() bool {
	for p.space(); p.accept(';'); p.space() {
	}
	return p.pos < len(p.text)
}

// harmless are the other statements that dumps have. UPDATE, LOAD DATA and their like are
// not among them: to skip what changes rows would be to load other rows than were meant.
var harmless = strings.Fields("ALTER ANALYZE CHANGE CREATE DEALLOCATE DELETE DELIMITER DO DROP EXECUTE FLUSH GRANT " +
	"OPTIMIZE PREPARE PURGE RESET SELECT SET SHOW STOP TRUNCATE USE")

func (p *dumpParser) statement() error {
	switch word := p.word(); strings.ToUpper(word) {
	case "INSERT", "REPLACE":
		return p.insert()
	case "LOCK":
		p.unfinished = "LOCK TABLES"
	case "BEGIN", "START":
		p.unfinished = "a transaction"
	case "UNLOCK", "COMMIT":
		p.unfinished = ""
	default:
		if !slices.Contains(harmless, strings.ToUpper(word)) {
			return p.notAStatement(word)
		}
	}
	return p.skip()
}

func (p *dumpParser) notAStatement(word string) error {
	if word == "" {
		return p.unexpected("statement")
	}
	return fmt.Errorf("%.40q is no statement of a dump", word)
}

// skip goes to the end of a statement that does not matter.
func (p *dumpParser) skip() error {
	for p.space(); p.pos < len(p.text); p.space() {
		switch c := p.text[p.pos]; c {
		case ';':
			p.pos++
			return nil
		case '\'', '"', '`':
			if err := p.quoted(); err != nil {
				return err
			}
		default:
			p.pos++
		}
	}
	return errDumpEnds
}

func (p *dumpParser) insert() error {
	word := p.word()
	for strings.EqualFold(word, "IGNORE") {
		word = p.word()
	}
	if !strings.EqualFold(word, "INTO") {
		return fmt.Errorf("INSERT is followed by %.40q", word)
	}
	name, err := p.tableName()
	if err != nil {
		return err
	}
	if slices.Contains(ownTables, name) {
		return p.skip()
	}
	i := slices.IndexFunc(tables, func(t table) bool { return t.name == name })
	if i < 0 {
		return fmt.Errorf("table %.40q is none of the ten", name)
	}
	if err := p.values(&tables[i]); err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	return nil
}

// ownTables are those of this server, which are no part of a data set.
var ownTables = []string{positionTable, refusedTable, chainTable}

// tableName reads the name after INTO, without the name of its database.
func (p *dumpParser) tableName() (string, error) {
	name, err := p.name()
	if err == nil && p.accept('.') {
		name, err = p.name()
	}
	return name, err
}

// values reads what follows the table's name, up to the end of the statement.
func (p *dumpParser) values(tab *table) error {
	columns, err := p.columns(tab)
	if err != nil {
		return err
	}
	if word := p.word(); !strings.EqualFold(word, "VALUES") && !strings.EqualFold(word, "VALUE") {
		return fmt.Errorf("VALUES expected, not %.40q", word)
	}
	for {
		if err := p.row(tab, columns); err != nil {
			return err
		}
		if p.accept(',') {
			continue
		}
		if p.accept(';') {
			return nil
		}
		return p.unexpected("comma or semicolon")
	}
}

// columns reads a list of columns; without one it is all of the table.
func (p *dumpParser) columns(tab *table) ([]*column, error) {
	var list []*column
	if !p.accept('(') {
		for i := range tab.columns {
			list = append(list, &tab.columns[i])
		}
		return list, nil
	}
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(tab.columns, func(c column) bool { return strings.EqualFold(c.name, name) })
		if i < 0 {
			return nil, fmt.Errorf("column %.40q does not exist", name)
		}
		list = append(list, &tab.columns[i])
		if !p.accept(',') {
			break
		}
	}
	if !p.accept(')') {
		return nil, p.unexpected("closing parenthesis")
	}
	return list, complete(tab, list)
}

// complete checks that no column is missing that has to have a value, and none is there
// twice.
func complete(tab *table, list []*column) error {
	for i := range tab.columns {
		c := &tab.columns[i]
		n := 0
		for _, listed := range list {
			if listed == c {
				n++
			}
		}
		if n > 1 || n == 0 && !c.nullable {
			return fmt.Errorf("column %s is listed %d times", c.name, n)
		}
	}
	return nil
}

// row reads one parenthesis of values into a new row.
func (p *dumpParser) row(tab *table, columns []*column) error {
	if !p.accept('(') {
		return p.unexpected("opening parenthesis")
	}
	tab.grow(&p.rows)
	p.fields = tab.fields(p.fields[:0], &p.rows, tab.rows(&p.rows)-1)
	for i, c := range columns {
		if i > 0 && !p.accept(',') {
			return p.unexpected("comma")
		}
		text, err := p.literal()
		if err != nil {
			return err
		}
		if err := parseValue(p.fields[tab.index(c)], text, c); err != nil {
			return err
		}
	}
	if !p.accept(')') {
		return p.unexpected("closing parenthesis")
	}
	return nil
}

// literal reads a value and returns its text, which is valid until the next call; nil
// is NULL.
func (p *dumpParser) literal() ([]byte, error) {
	p.space()
	if p.pos == len(p.text) {
		return nil, errDumpEnds
	}
	switch c := p.text[p.pos]; {
	case c == '\'', c == '"':
		err := p.quoted()
		return p.value, err
	case c == '-', c == '+', c >= '0' && c <= '9':
		start := p.pos
		for p.pos++; p.pos < len(p.text) && isWord(p.text[p.pos]); p.pos++ {
		}
		return p.text[start:p.pos], nil
	}
	word := p.word()
	if strings.EqualFold(word, "NULL") {
		return nil, nil
	}
	p.space()
	if strings.HasPrefix(word, "_") && p.pos < len(p.text) && p.text[p.pos] == '\'' {
		err := p.quoted() // after the name of its character set
		return p.value, err
	}
	return nil, p.unexpected("value")
}

// quoted reads a string into value; the first character is the quote.
func (p *dumpParser) quoted() error {
	quote := p.text[p.pos]
	p.value = p.value[:0]
	if p.value == nil {
		p.value = []byte{} // nil would be NULL
	}
	for i := p.pos + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '\\' && quote != '`':
			if i++; i < len(p.text) {
				p.value = appendUnescaped(p.value, p.text[i])
			}
		case c != quote:
			p.value = append(p.value, c)
		case i+1 < len(p.text) && p.text[i+1] == quote:
			p.value = append(p.value, c)
			i++
		default:
			p.pos = i + 1
			return nil
		}
	}
	return errDumpEnds
}

// appendUnescaped appends what a backslash and c mean in MySQL.
func appendUnescaped(dst []byte, c byte) []byte {
	switch c {
	case '0':
		c = 0
	case 'b':
		c = '\b'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'Z':
		c = 26
	case '%', '_':
		dst = append(dst, '\\')
	}
	return append(dst, c)
}

// name reads an identifier, with or without backquotes.
func (p *dumpParser) name() (string, error) {
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == '`' {
		err := p.quoted()
		return string(p.value), err
	}
	if word := p.word(); word != "" {
		return word, nil
	}
	return "", p.unexpected("name")
}

// word reads letters, digits and underscores; there may be none.
func (p *dumpParser) word() string {
	p.space()
	start := p.pos
	for p.pos < len(p.text) && isWord(p.text[p.pos]) {
		p.pos++
	}
	return string(p.text[start:p.pos])
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// accept skips c if it is next.
func (p *dumpParser) accept(c byte) bool {
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// space skips white space and comments.
func (p *dumpParser) space() {
	for p.pos < len(p.text) {
		rest := p.text[p.pos:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n':
			p.pos++
		case rest[0] == '#' || bytes.HasPrefix(rest, []byte("--")):
			p.skipPast("\n")
		case bytes.HasPrefix(rest, []byte("/*")):
			if !bytes.Contains(rest, []byte("*/")) {
				p.unfinished = "a comment"
			}
			p.skipPast("*/")
		default:
			return
		}
	}
}

// skipPast goes past the next occurrence of end, or to the end of the text.
func (p *dumpParser) skipPast(end string) {
	if i := bytes.Index(p.text[p.pos:], []byte(end)); i >= 0 {
		p.pos += i + len(end)
		return
	}
	p.pos = len(p.text)
}

func (p *dumpParser) unexpected(wanted string) error {
	if p.pos == len(p.text) {
		return errDumpEnds
	}
	rest := p.text[p.pos:]
	return fmt.Errorf("%s expected, not %q", wanted, rest[:min(len(rest), 20)])
}
