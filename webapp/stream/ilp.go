package stream

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/valyala/fastjson"
)

// maxAhead is how far in the future something may have happened: clocks are not that wrong,
// and QuestDB would keep a partition for each hour in between.
const maxAhead = time.Hour

// lines makes lines of QuestDB's protocol (ILP) of messages: one for each row. Types follow
// from the value and the column's name, as schema.sql has them; a column that this program
// does not know becomes one of the table. It belongs to one goroutine.
type lines struct {
	parse parser
	buf   []byte
	from  []span // the messages that the lines are of
	began []int  // where each line begins in buf
}

// span is one message's lines.
type span struct {
	record *kgo.Record
	first  int // line
}

func (l *lines) reset() {
	if cap(l.buf) > 4*maxPost {
		l.buf = nil
	}
	clear(l.from)
	l.buf, l.from, l.began = l.buf[:0], l.from[:0], l.began[:0]
}

// bytes returns lines [from, to).
func (l *lines) bytes(from, to int) []byte {
	end := len(l.buf)
	if to < len(l.began) {
		end = l.began[to]
	}
	return l.buf[l.began[from]:end]
}

var (
	errNoID     = errors.New("it has no ce_id of the form epoch:seq:row")
	errNoSource = errors.New("it has no ce_source of the form /isuride/REGION")
)

// add adds the lines of a message, or nothing if it cannot be understood.
func (l *lines) add(r *kgo.Record, now time.Time) error {
	began, first := len(l.buf), len(l.began)
	err := l.message(r, now)
	if err != nil {
		l.buf, l.began = l.buf[:began], l.began[:first]
		return err
	}
	if len(l.began) > first {
		l.from = append(l.from, span{r, first})
	}
	return nil
}

func (l *lines) message(r *kgo.Record, now time.Time) error {
	id, row, region, partial, err := envelopeOf(r)
	if err != nil {
		return err
	}
	v, err := l.parse.ParseBytes(r.Value)
	if err != nil {
		return fmt.Errorf("its value is no JSON: %w", err)
	}
	f, rows := frameOf(v), []*fastjson.Value(nil)
	if rows = f.rows; len(f.table) == 0 {
		f, rows = debeziumOf(v)
	}
	switch {
	case len(f.table) == 0:
		return errors.New("its value is neither a frame of the feed nor an event of Debezium's form")
	case !isTable(f.table):
		return fmt.Errorf("its table %.60q is none of those that this sink makes (%s)", f.table, Tables)
	}
	if partial {
		f.action = partialAction
	}
	ts := microsOf(f.ts)
	if ts == 0 {
		ts = r.Timestamp.UnixMicro() // of a snapshot: when it was sent
	}
	if ahead := time.UnixMicro(ts).Sub(now); ahead > maxAhead {
		return fmt.Errorf("its time, %s, is %s ahead of this machine's clock", time.UnixMicro(ts).UTC().Format(time.RFC3339), ahead.Round(time.Second))
	}
	for i, v := range rows {
		if err := l.line(&f, region, id, row+i, ts, v); err != nil {
			return err
		}
	}
	return nil
}

// tableNames are those of schema.sql.
var tableNames = strings.Split(Tables, ",")

// isTable reports whether it is one of them. QuestDB would make any other one of its first row, without
// the key by which rows that come again replace themselves.
func isTable(name []byte) bool { return slices.Contains(tableNames, string(name)) }

// envelopeOf reads the headers.
func envelopeOf(r *kgo.Record) (id position, row int, region []byte, partial bool, err error) {
	err = errNoID
	for i := range r.Headers {
		switch h := &r.Headers[i]; h.Key {
		case "ce_id":
			cut := bytes.LastIndexByte(h.Value, ':')
			if cut < 0 {
				continue
			}
			var wrong error
			if id, wrong = parsePosition(h.Value[:cut]); wrong != nil {
				continue
			}
			if row, wrong = strconv.Atoi(string(h.Value[cut+1:])); wrong == nil {
				err = nil
			}
		case "ce_source":
			region, _ = bytes.CutPrefix(h.Value, sourcePrefix)
		case "ce_type":
			partial = bytes.HasSuffix(h.Value, partialType)
		}
	}
	if err == nil && !plain(region) {
		err = errNoSource
	}
	return id, row, region, partial, err
}

var (
	sourcePrefix = []byte("/isuride/")
	partialType  = []byte(".partial")
)

// debeziumOf makes a frame of an event of Debezium's form.
func debeziumOf(v *fastjson.Value) (f frame, rows []*fastjson.Value) {
	row := v.Get("after")
	if row == nil || row.Type() != fastjson.TypeObject {
		row = v.Get("before")
	}
	if row == nil || row.Type() != fastjson.TypeObject {
		return f, nil
	}
	op := string(v.GetStringBytes("op"))
	for action, name := range operations {
		if name == op {
			f.action = []byte(action)
		}
	}
	f.table = v.GetStringBytes("source", "table")
	if ms := v.GetInt64("source", "ts_ms"); ms != 0 {
		f.ts = time.UnixMilli(ms).UTC().AppendFormat(nil, time.RFC3339Nano)
	}
	return f, []*fastjson.Value{row}
}

// line appends one row. Symbols come first, as the protocol wants it.
func (l *lines) line(f *frame, region []byte, id position, row int, ts int64, v *fastjson.Value) error {
	o, err := v.Object()
	if err != nil {
		return fmt.Errorf("row %d is no object", row)
	}
	l.began = append(l.began, len(l.buf))
	dst := appendSymbol(append(append(l.buf, f.table...), ",region="...), region)
	o.Visit(func(key []byte, v *fastjson.Value) {
		if isSymbol(key) && v.Type() == fastjson.TypeString {
			dst = appendSymbol(append(append(append(dst, ','), key...), '='), v.GetStringBytes())
		}
	})
	dst = strconv.AppendUint(append(dst, " epoch="...), id.epoch, 10)
	dst = strconv.AppendUint(append(dst, "i,seq="...), id.seq, 10)
	dst = strconv.AppendInt(append(dst, "i,row="...), int64(row), 10)
	dst = appendText(append(dst, "i,action="...), f.action)
	o.Visit(func(key []byte, v *fastjson.Value) {
		if err == nil {
			dst, err = appendColumn(dst, key, v)
		}
	})
	l.buf = append(strconv.AppendInt(append(dst, ' '), ts, 10), '\n')
	return err
}

// isSymbol names the columns of few values. Ids are text: a symbol's values stay in memory.
func isSymbol(key []byte) bool { return string(key) == "status" || string(key) == "model" }

// appendColumn appends a column, none for null.
func appendColumn(dst, key []byte, v *fastjson.Value) ([]byte, error) {
	if !isColumn(key) {
		return dst, fmt.Errorf("%.60q is no name of a column: it should be up to %d letters, digits and underscores", key, maxColumn)
	}
	t := v.Type()
	if t == fastjson.TypeNull || t == fastjson.TypeString && isSymbol(key) {
		return dst, nil
	}
	dst = append(append(append(dst, ','), key...), '=')
	switch t {
	case fastjson.TypeString:
		return appendText(dst, v.GetStringBytes()), nil
	case fastjson.TypeTrue:
		return append(dst, 't'), nil
	case fastjson.TypeFalse:
		return append(dst, 'f'), nil
	case fastjson.TypeNumber:
		return appendNumber(dst, key, v)
	}
	return appendText(dst, v.MarshalTo(nil)), nil // an array or an object
}

// maxColumn bounds the name of a column, in bytes.
const maxColumn = 100

// isColumn reports whether a name can be that of a column of QuestDB.
func isColumn(name []byte) bool {
	for _, b := range name {
		if !isWord(b) {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxColumn
}

func isWord(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

// appendNumber appends an integer, or a time if the column's name ends in _at: milliseconds
// in the feed, microseconds here.
func appendNumber(dst, key []byte, v *fastjson.Value) ([]byte, error) {
	n, err := v.Int64()
	if err != nil {
		return dst, fmt.Errorf("column %s is %s, which is no whole number", key, v)
	}
	if bytes.HasSuffix(key, []byte("_at")) {
		return append(strconv.AppendInt(dst, n*1000, 10), 't'), nil
	}
	return append(strconv.AppendInt(dst, n, 10), 'i'), nil
}

// plain reports whether a region's name needs no escaping.
func plain(name []byte) bool {
	for _, b := range name {
		if !(isWord(b) || b == '-' || b == '.') {
			return false
		}
	}
	return len(name) > 0 && len(name) <= maxRegion
}

// appendSymbol escapes what would end a symbol. A newline can be escaped, too, but not every
// version of QuestDB takes that.
func appendSymbol(dst, s []byte) []byte {
	for _, b := range s {
		switch b {
		case ' ', ',', '=', '\\':
			dst = append(dst, '\\', b)
		case '\n', '\r':
			dst = append(dst, '\\', ' ')
		default:
			dst = append(dst, b)
		}
	}
	return dst
}

// appendText quotes a text. Newlines are allowed between the quotes, escaped.
func appendText(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, b := range s {
		if b == '"' || b == '\\' || b == '\n' || b == '\r' {
			dst = append(dst, '\\')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}

// microsOf reads a frame's time, as 2026-11-29T09:51:04.123456Z; 0 if it is none.
func microsOf(ts []byte) int64 {
	if len(ts) == 0 {
		return 0
	}
	var t time.Time
	if t.UnmarshalText(ts) != nil {
		return 0
	}
	return t.UnixMicro()
}
