package sqlstore

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"isuride/webapp/isuride"
)

// tableOf is the table of that name.
func tableOf(name string) *table {
	return &tables[slices.IndexFunc(tables, func(t table) bool { return t.name == name })]
}

// fieldText is the text of a column's value, which parseValue reads; nil for NULL.
func fieldText(field any, nullable bool) *string {
	var text string
	zero := false
	switch p := field.(type) {
	case *string:
		text, zero = *p, *p == ""
	case *int32:
		text = strconv.Itoa(int(*p))
	case *int:
		text, zero = strconv.Itoa(*p), *p == 0
	case *isuride.Time:
		text, zero = string(appendDatetime(nil, *p)), *p == 0
	case *bool:
		text = "0"
		if *p {
			text = "1"
		}
	case *isuride.Status:
		text = p.String()
	default:
		panic(fmt.Sprintf("BUG: field of type %T", field))
	}
	if nullable && zero {
		return nil
	}
	return &text
}

// encode is row i of t as a JSON object in ASCII.
func (tab *table) encode(t *isuride.Tables, i int) string {
	object := map[string]*string{}
	for j, field := range tab.fields(nil, t, i) {
		object[tab.columns[j].name] = fieldText(field, tab.columns[j].nullable)
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return ascii(string(text))
}

// decode lays what encode made over row i of t: a NULL leaves the field as it is.
func (tab *table) decode(t *isuride.Tables, i int, content string) error {
	var object map[string]*string
	if err := json.Unmarshal([]byte(content), &object); err != nil {
		return fmt.Errorf("column content: %w", err)
	}
	for j, field := range tab.fields(nil, t, i) {
		c := &tab.columns[j]
		text := object[c.name]
		if text == nil && c.nullable {
			continue
		}
		if text == nil {
			return fmt.Errorf("column content lacks %s", c.name)
		}
		if err := parseValue(field, []byte(*text), c); err != nil {
			return fmt.Errorf("column content: %w", err)
		}
	}
	return nil
}

// copy makes row n of part the row i of t.
func (tab *table) copy(part *isuride.Tables, n int, t *isuride.Tables, i int) {
	to := tab.fields(nil, part, n)
	for j, from := range tab.fields(nil, t, i) {
		switch p := from.(type) {
		case *string:
			*to[j].(*string) = *p
		case *int32:
			*to[j].(*int32) = *p
		case *int:
			*to[j].(*int) = *p
		case *isuride.Time:
			*to[j].(*isuride.Time) = *p
		case *bool:
			*to[j].(*bool) = *p
		case *isuride.Status:
			*to[j].(*isuride.Status) = *p
		}
	}
}

// key names row i of t in ASCII, in at most 255 characters.
func (tab *table) key(t *isuride.Tables, i int) string {
	var parts []string
	for j, field := range tab.fields(nil, t, i) {
		if tab.columns[j].key {
			parts = append(parts, *fieldText(field, false))
		}
	}
	key := strings.Join(parts, "/")
	if len(key) > 255 || key != ascii(key) {
		sum := sha256.Sum256([]byte(key))
		return "sha256:" + hex.EncodeToString(sum[:])
	}
	return key
}

// withoutSecrets takes the row's tokens out of the database's words, which may quote them.
func (tab *table) withoutSecrets(t *isuride.Tables, i int, words string) string {
	for j, field := range tab.fields(nil, t, i) {
		if text, ok := field.(*string); ok && *text != "" && strings.Contains(tab.columns[j].name, "token") {
			words = strings.ReplaceAll(words, ascii(*text), "...")
		}
	}
	return words
}

// ascii writes all other characters as JSON escapes.
func ascii(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c < 0x80:
			b.WriteRune(c)
		case c < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(c-0x10000)>>10, 0xdc00+(c-0x10000)&0x3ff)
		}
	}
	return b.String()
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

// trackOf sums up a chair's reports in the order of time.
func trackOf(reports map[string]isuride.ChairLocation) Track {
	sorted := slices.SortedFunc(maps.Values(reports), func(a, b isuride.ChairLocation) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	var all section
	for _, r := range sorted {
		all.add(report(r.Coordinate, r.CreatedAt))
	}
	return all.Track
}
