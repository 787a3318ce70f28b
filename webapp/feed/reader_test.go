package feed

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Copy keeps copies of the tables of one subscription, frame by frame. Programs have that of
// package client, which knows nothing of this one; the two are compared through the server. It belongs to one goroutine. The zero value is ready.
type Copy struct {
	tables   map[string]map[string]string // rows as text, by table and key
	last     uint64                       // of the last frame
	began    bool
	position Position // after the last whole group
	group    []Frame  // that is not whole yet
}

// ErrGap says that frames are missing: subscribe again, at Position.
var ErrGap = errors.New("feed: frames are missing")

// Apply takes the next frame. Rows of a group count once it is whole. A frame of an error
// changes nothing, and is the caller's to look at.
func (c *Copy) Apply(text []byte) (Frame, error) {
	var f Frame
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("feed: a frame cannot be read: %w", err)
	}
	if f.Action == Failed || f.Action == Unsubscribed {
		return f, nil
	}
	if c.began && f.Action != Partial && f.Prev != c.last {
		return f, fmt.Errorf("%w: %d was the last one, and %d follows %d", ErrGap, c.last, f.Seq, f.Prev)
	}
	c.began, c.last = true, f.Seq
	if c.group = append(c.group, f); f.More {
		return f, nil
	}
	return f, c.commit()
}

// commit applies a whole group.
func (c *Copy) commit() error {
	group := c.group
	c.group = nil
	for i := range group {
		if err := c.applyFrame(&group[i]); err != nil {
			return err
		}
	}
	last := &group[len(group)-1]
	c.position = Position{last.Epoch, last.Seq}
	return nil
}

func (c *Copy) applyFrame(f *Frame) error {
	if f.Action == Heartbeat || f.Action == Checksum {
		return nil
	}
	if c.tables == nil {
		c.tables = map[string]map[string]string{}
	}
	if f.Action == Partial || c.tables[f.Table] == nil {
		c.tables[f.Table] = map[string]string{}
	}
	rows := c.tables[f.Table]
	for _, row := range f.Data {
		key, err := keyOf(row, f.Keys)
		if err != nil {
			return err
		}
		old, there := rows[key]
		switch {
		case f.Action == Delete:
			delete(rows, key)
		case f.Action == Update && !there:
			return fmt.Errorf("feed: frame %d updates row %s of %s, which is not there", f.Seq, key, f.Table)
		case f.Action == Update:
			merged, err := mergeRow([]byte(old), row)
			if err != nil {
				return err
			}
			rows[key] = string(merged)
		case f.Action == Insert && there:
			return fmt.Errorf("feed: frame %d inserts row %s of %s, which is there", f.Seq, key, f.Table)
		default:
			rows[key] = string(row)
		}
	}
	return nil
}

// Position is where to resume: after the last whole group. It is zero before the first.
func (c *Copy) Position() Position { return c.position }

// Reconnect tells that the next frame is of a new connection, which was asked to resume at
// Position. A group that was not whole is forgotten.
func (c *Copy) Reconnect() { c.began, c.group = false, nil }

// Rows returns a table's rows by key, as the text of their objects. They are the copy's own.
func (c *Copy) Rows(table string) map[string]string { return c.tables[table] }

// Checksum computes what a checksum frame of the table brings.
func (c *Copy) Checksum(table string) (rows int, crc32c string) {
	texts := make([]string, 0, len(c.tables[table]))
	for _, text := range c.tables[table] {
		texts = append(texts, text)
	}
	return len(texts), string(appendHex32(nil, checksum(texts)))
}

func keyOf(row []byte, keys []string) (key string, err error) {
	fields, err := fieldsOf(row)
	for i := range fields {
		if len(keys) == 1 && fields[i].name == keys[0] {
			return string(fields[i].value), nil
		}
	}
	return "", errors.Join(err, fmt.Errorf("feed: row %.100q lacks its key %v", row, keys))
}
