package sqlstore

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"isuride/webapp/isuride"
)

// appendValue appends the SQL literal of the field that the pointer leads to. The zero
// value of a nullable column is NULL.
func (d *dialect) appendValue(dst []byte, field any, nullable bool) []byte {
	switch p := field.(type) {
	case *string:
		if nullable && *p == "" {
			return append(dst, "NULL"...)
		}
		return d.appendText(dst, *p)
	case *int32:
		return strconv.AppendInt(dst, int64(*p), 10)
	case *int64:
		return strconv.AppendInt(dst, *p, 10)
	case *isuride.Time:
		if nullable && *p == 0 {
			return append(dst, "NULL"...)
		}
		return append(appendDatetime(append(dst, '\''), *p), '\'')
	case *int:
		if nullable && *p == 0 {
			return append(dst, "NULL"...)
		}
		return strconv.AppendInt(dst, int64(*p), 10)
	case *bool:
		if *p {
			return append(dst, '1')
		}
		return append(dst, '0')
	case *isuride.Status:
		return append(append(append(dst, '\''), p.String()...), '\'')
	}
	panic(fmt.Sprintf("BUG: field of type %T", field))
}

// appendText appends a string literal. Bytes that are not UTF-8 would be refused by MySQL
// permanently and stop the write-behind, so they become U+FFFD.
func (d *dialect) appendText(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return d.nul(dst, s)
	}
	return appendQuoted(dst, s)
}

// appendQuoted doubles the quotes; a backslash has no meaning (Config.mysql).
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '\'')
	for {
		i := strings.IndexByte(s, '\'')
		if i < 0 {
			break
		}
		dst = append(append(dst, s[:i]...), "''"...)
		s = s[i+1:]
	}
	return append(append(dst, s...), '\'')
}

// appendHex writes the string for SQLite, whose parser stops at a zero byte.
func appendHex(dst []byte, s string) []byte {
	dst = append(dst, "CAST(x'"...)
	dst = hex.AppendEncode(dst, []byte(s))
	return append(dst, "' AS TEXT)"...)
}

// parseValue sets the field that the pointer leads to from a column's text; nil is NULL.
func parseValue(field any, text []byte, c *column) error {
	if text == nil {
		if !c.nullable {
			return fmt.Errorf("column %s is NULL", c.name)
		}
		return nil
	}
	ok := true
	switch p := field.(type) {
	case *string:
		*p = string(text)
	case *int64:
		*p, ok = parseInt(text, 64)
	case *int32:
		var n int64
		n, ok = parseInt(text, 32)
		*p = int32(n)
	case *isuride.Time:
		*p, ok = parseDatetime(text)
	case *int:
		var n int64
		n, ok = parseInt(text, 32)
		*p = int(n)
	case *bool:
		var n int64
		n, ok = parseInt(text, 32)
		*p = n != 0
	case *isuride.Status:
		*p = isuride.ParseStatus(text)
		ok = *p != 0
	}
	if !ok {
		return fmt.Errorf("column %s has the value %.40q", c.name, text)
	}
	return nil
}

// parseInt reads a number of the SQL type INTEGER.
func parseInt(text []byte, bits int) (int64, bool) {
	n, err := strconv.ParseInt(string(text), 10, bits)
	return n, err == nil
}
