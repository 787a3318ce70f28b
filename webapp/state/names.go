package state

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"isuride/webapp/isuride"
)

// Widths of the columns, in characters (S2.2).
const (
	nameWidth  = 30
	modelWidth = 50 // of chair_models; a longer one could be none of them
	tokenWidth = 255
)

// checkText refuses what its column could not hold, now rather than at the flush.
func checkText(field, value string, width int) error {
	switch {
	case value == "":
		return isuride.Errorf(isuride.InvalidInput, "%s is required", field)
	case utf8.RuneCountInString(value) > width:
		return isuride.Errorf(isuride.InvalidInput, "%s is longer than %d characters", field, width)
	}
	return nil
}

// foldName returns the form in which names are compared. It is at least as strict as the
// unique keys in SQL, where trailing blanks do not count, so that no flush can fail on a
// duplicate (docs/decisions/0002).
func foldName(name string) string {
	return strings.ToLower(strings.ToUpper(strings.TrimRight(name, " ")))
}

// fitsHeader reports whether a header field can carry the value.
func fitsHeader(value string) bool {
	return strings.TrimSpace(value) == value && !strings.ContainsFunc(value, unicode.IsControl)
}
