package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
)

// Frame is a message of the feed.
type Frame struct {
	Sub     string            `json:"sub"` // name of the subscription
	Table   string            `json:"table"`
	Action  string            `json:"action"`
	Keys    []string          `json:"keys"` // columns that identify a row
	Epoch   uint64            `json:"epoch"`
	Seq     uint64            `json:"seq"`
	Prev    uint64            `json:"prev"`
	TS      string            `json:"ts"`
	More    bool              `json:"more"` // the group goes on
	Reason  string            `json:"reason"`
	Code    string            `json:"code"`
	Message string            `json:"message"`
	Data    []json.RawMessage `json:"data"`
}

// Connected is the action of a frame that no server sends: Follow has a new connection, and
// what follows begins where the last whole group was.
const Connected = "connected"

// Refused is a frame that says what could not be done.
type Refused struct{ Frame Frame }

func (e *Refused) Error() string {
	return fmt.Sprintf("isuride: feed: %s: %s", e.Frame.Code, e.Frame.Message)
}

// ErrGap says that frames are missing: subscribe again where the copy is.
var ErrGap = errors.New("isuride: frames are missing")

// Copy is an exact copy of the tables of one subscription, but for matches: rows of that are only ever
// inserted, and are not kept. The zero value is empty. It is used by one goroutine.
type Copy struct {
	tables map[string]map[string]row // by name, by key
	group  []Frame                   // that is not whole yet
	last   uint64                    // seq of the last frame
	began  bool
	at     string // where to resume
}

// row is a row by column, and its columns in the order in which they came.
type row struct {
	columns []string
	values  map[string]json.RawMessage
}

// Position is where to resume, "" before the first whole group.
func (c *Copy) Position() string { return c.at }

// Apply takes the next frame of the subscription. Rows change once a group is whole, all at
// once. A frame that is no part of the copy, such as a notification, changes nothing.
func (c *Copy) Apply(f Frame) error {
	switch f.Action {
	case Connected:
		c.group, c.began = nil, false
		return nil
	case "partial", "insert", "update", "delete", "heartbeat", "checksum":
	default:
		return nil
	}
	if c.began && f.Action != "partial" && f.Prev != c.last {
		return fmt.Errorf("%w: %d follows %d, and the last one was %d", ErrGap, f.Seq, f.Prev, c.last)
	}
	c.began, c.last = true, f.Seq
	if c.group = append(c.group, f); f.More {
		return nil
	}
	return c.commit()
}

func (c *Copy) commit() error {
	group := c.group
	c.group = nil
	for i := range group {
		if err := c.apply(&group[i]); err != nil {
			return err
		}
	}
	last := &group[len(group)-1]
	c.at = fmt.Sprintf("%d:%d", last.Epoch, last.Seq)
	return nil
}

func (c *Copy) apply(f *Frame) error {
	if f.Action == "heartbeat" || f.Action == "checksum" || f.Table == "matches" {
		return nil
	}
	if c.tables == nil {
		c.tables = map[string]map[string]row{}
	}
	if f.Action == "partial" || c.tables[f.Table] == nil {
		c.tables[f.Table] = map[string]row{}
	}
	rows := c.tables[f.Table]
	for _, text := range f.Data {
		r, err := parseRow(text)
		if err != nil {
			return err
		}
		key := r.key(f.Keys)
		_, there := rows[key]
		switch {
		case f.Action == "insert" && there:
			return fmt.Errorf("isuride: row %s of %s is inserted, and is there", key, f.Table)
		case f.Action == "update" && !there:
			return fmt.Errorf("isuride: row %s of %s is updated, and is not there", key, f.Table)
		case f.Action == "delete":
			delete(rows, key)
		case f.Action == "update":
			maps.Copy(rows[key].values, r.values)
		default:
			rows[key] = r
		}
	}
	return nil
}

func parseRow(text []byte) (r row, err error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	if _, err := d.Token(); err != nil {
		return r, err
	}
	r.values = map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return r, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return r, err
		}
		column, _ := name.(string)
		r.columns = append(r.columns, column)
		r.values[column] = value
	}
	return r, nil
}

func (r *row) key(columns []string) string {
	var key []string
	for _, c := range columns {
		key = append(key, string(r.values[c]))
	}
	return strings.Join(key, "\x00")
}

// text is the row as it would be inserted now.
func (r *row) text() string {
	var b strings.Builder
	for i, c := range r.columns {
		b.WriteString(string("{,"[min(i, 1)]))
		name, _ := json.Marshal(c) // a text always has a form
		b.Write(name)
		b.WriteByte(':')
		b.Write(r.values[c])
	}
	return b.String() + "}"
}

// Rows returns the rows of a table as JSON objects, sorted as texts.
func (c *Copy) Rows(table string) []string {
	var rows []string
	for _, r := range c.tables[table] {
		rows = append(rows, r.text())
	}
	slices.Sort(rows)
	return rows
}

// Checksum is that of a table, as the server computes it: the CRC32C of its rows, each with a
// newline behind it, as 8 hexadecimal digits.
func (c *Copy) Checksum(table string) string {
	var sum uint32
	for _, r := range c.Rows(table) {
		sum = crc32.Update(sum, castagnoli, []byte(r+"\n"))
	}
	return fmt.Sprintf("%08x", sum)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
