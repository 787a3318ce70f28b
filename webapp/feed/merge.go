package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// field is a member of a row's object.
type field struct {
	name  string
	value json.RawMessage
}

func fieldsOf(row []byte) (fields []field, err error) {
	d := json.NewDecoder(bytes.NewReader(row))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("feed: %.60q is no row", row)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		f := field{name: name.(string)}
		if err := d.Decode(&f.value); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// mergeRow replaces the columns of a row that an update brings; the others stay, and all keep
// their places.
func mergeRow(old, update []byte) ([]byte, error) {
	row, err := fieldsOf(old)
	if err != nil {
		return nil, err
	}
	changed, err := fieldsOf(update)
	if err != nil {
		return nil, err
	}
	for _, c := range changed {
		for i := range row {
			if row[i].name == c.name {
				row[i].value = c.value
			}
		}
	}
	merged := []byte{'{'}
	for i := range row {
		if i > 0 {
			merged = append(merged, ',')
		}
		merged = append(appendString(merged, row[i].name), ':')
		merged = append(merged, row[i].value...)
	}
	return append(merged, '}'), nil
}
