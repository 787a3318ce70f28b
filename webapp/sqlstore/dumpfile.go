package sqlstore

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"isuride/webapp/isuride"
)

// ReadDumpFile reads the data set of a dump, compressed by gzip or not. Settings and
// chair models are the master data if the dump has none. What is no whole dump of a city
// is refused, as an initialize with it would empty the database.
func ReadDumpFile(path string) (*isuride.Tables, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file but %s: name the file of a dump", path, what(info.Mode()))
	}
	t, err := readCity(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return withMasterData(t)
}

func what(m os.FileMode) string {
	if m.IsDir() {
		return "a folder"
	}
	return "a device, pipe or socket"
}

func readCity(path string) (t *isuride.Tables, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := dumpText(f)
	if err != nil {
		return nil, err
	}
	if t, err = ParseDump(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	if !bytes.Contains(text, []byte(emptyCity)) {
		if err := inhabited(t); err != nil {
			return nil, err
		}
	}
	return t, consistent(t)
}

// emptyCity is a comment in a dump without accounts that says that this is meant.
const emptyCity = "-- isuride: a city without users"

// dumpText returns the text of a dump, uncompressed, once nothing speaks against its
// being one.
func dumpText(r io.Reader) ([]byte, error) {
	buffered := bufio.NewReader(r)
	// An error here shows up again when all is read.
	if magic, _ := buffered.Peek(len(gzipMagic)); string(magic) == gzipMagic {
		text, err := unzip(buffered)
		if err != nil {
			return nil, err
		}
		return text, checkText(text)
	}
	text, err := io.ReadAll(buffered)
	if err != nil {
		return nil, err
	}
	return text, checkText(text)
}

// unzip reads to the end, where the checksum is, and refuses what follows it.
func unzip(r io.Reader) ([]byte, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("the gzip file is damaged or cut off: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("the gzip file is damaged or cut off: %w", err)
	}
	return text, nil
}

// others are the beginnings of files that are often found in the place of a dump.
var others = []struct{ begins, is string }{
	{"version https://git-lfs.github.com/spec/", "is a Git LFS pointer, not the file itself: run git lfs pull"},
	{"/annex/objects/", "is a git-annex pointer, not the file itself: run git annex get"},
	{gzipMagic, "is compressed twice: uncompress it once"},
	{"\xfd7zXZ\x00", "is compressed by xz: uncompress it with xz -d, or use gzip"},
	{"\x28\xb5\x2f\xfd", "is compressed by zstd: uncompress it with zstd -d, or use gzip"},
	{"BZh", "is compressed by bzip2: uncompress it with bzip2 -d, or use gzip"},
	{"\x04\x22\x4d\x18", "is compressed by lz4: uncompress it with lz4 -d, or use gzip"},
	{"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it"},
	{"PK\x03\x04", "is a zip archive: unpack it"},
	{"PK\x05\x06", "is an empty zip archive"},
	{"SQLite format 3\x00", "is a SQLite database, not a dump"},
	{"PGDMP", "is a dump of PostgreSQL, not of MySQL"},
	{"\xff\xfe", utf16}, {"\xfe\xff", utf16},
}

const (
	utf16     = "is UTF-16, as PowerShell's > writes it: make the dump with mysqldump --result-file"
	utf8Mark  = "\xef\xbb\xbf"
	tarOffset = 257
)

// checkText refuses by name what is no text of a whole dump.
func checkText(text []byte) error {
	for _, o := range others {
		if bytes.HasPrefix(text, []byte(o.begins)) {
			return errors.New(o.is)
		}
	}
	content := bytes.TrimSpace(bytes.TrimPrefix(text, []byte(utf8Mark)))
	switch {
	case len(text) == 0:
		return errors.New("is empty")
	case len(content) == 0:
		return errors.New("has nothing but white space")
	case len(text) > tarOffset && bytes.HasPrefix(text[tarOffset:], []byte("ustar")):
		return errors.New("is a tar archive: unpack it")
	case content[0] == '<':
		return errors.New("is a web page or XML, not a dump")
	case bytes.IndexByte(text, 0) >= 0:
		return errors.New("is a binary file or UTF-16, not a dump")
	case !utf8.Valid(text):
		return fmt.Errorf("line %d is not UTF-8: make the dump with mysqldump --default-character-set=utf8mb4", invalidLine(text))
	}
	return checkEnd(content)
}

func invalidLine(text []byte) int {
	line := 1
	for b := range bytes.Lines(text) {
		if !utf8.Valid(b) {
			break
		}
		line++
	}
	return line
}

// dumpHeads are lines at the beginning of what programs write that say at its end, by
// dumpEnd, that it is whole.
var dumpHeads = []string{"-- MySQL dump ", "-- MariaDB dump ", "-- Initial data of ISURIDE, made by tools/dev/seed"}

const dumpEnd = "\n-- Dump completed"

// checkEnd refuses a dump that was cut off. One without such a head has at least to end
// with a statement, see ParseDump, and with none of its rows alone, see consistent.
func checkEnd(content []byte) error {
	const headSize, endSize = 1024, 256
	head, end := content[:min(len(content), headSize)], content[max(0, len(content)-endSize):]
	for _, h := range dumpHeads {
		if bytes.Contains(head, []byte(h)) && !bytes.Contains(end, []byte(dumpEnd)) {
			return fmt.Errorf("is cut off: it begins with %q but does not end with %q", strings.TrimSpace(h), strings.TrimSpace(dumpEnd))
		}
	}
	return nil
}

// inhabited refuses a data set without those who use it.
func inhabited(t *isuride.Tables) error {
	if t.Rows() == 0 {
		return errors.New("has no rows: it is no dump of the data, or one of the structure alone")
	}
	for _, c := range []struct {
		table string
		rows  int
	}{{"users", len(t.Users)}, {"owners", len(t.Owners)}, {"chairs", len(t.Chairs)}} {
		if c.rows == 0 {
			return fmt.Errorf("has no row of table %s: the dump is cut off or incomplete (a line %q says that a city without accounts is meant)", c.table, emptyCity)
		}
	}
	return nil
}

// ids are the keys of one table.
type ids map[string]struct{}

func idsOf[R any](table string, rows []R, id func(*R) string) (ids, error) {
	m := make(ids, len(rows))
	for i := range rows {
		k := id(&rows[i])
		if _, twice := m[k]; twice {
			return nil, fmt.Errorf("table %s has two rows %.60q", table, k)
		}
		m[k] = struct{}{}
	}
	return m, nil
}

// refers checks that what the rows name is there; an empty name is none.
func refers[R any](table, column string, rows []R, name func(*R) string, there ids) error {
	for i := range rows {
		if k := name(&rows[i]); k != "" {
			if _, ok := there[k]; !ok {
				return fmt.Errorf("table %s: %s %.60q does not exist: the dump is cut off or incomplete", table, column, k)
			}
		}
	}
	return nil
}

// consistent checks that every row's parents are there, and every ride's status. The
// tables of a dump come one after the other, so one that ends too early usually has
// children without parents, or the reverse.
func consistent(t *isuride.Tables) error {
	owners, err1 := idsOf("owners", t.Owners, func(r *isuride.Owner) string { return r.ID })
	users, err2 := idsOf("users", t.Users, func(r *isuride.User) string { return r.ID })
	chairs, err3 := idsOf("chairs", t.Chairs, func(r *isuride.Chair) string { return r.ID })
	rides, err4 := idsOf("rides", t.Rides, func(r *isuride.Ride) string { return r.ID })
	_, err5 := idsOf("ride_statuses", t.RideStatuses, func(r *isuride.RideStatus) string { return r.ID })
	moved := make(ids, len(rides))
	for i := range t.RideStatuses {
		moved[t.RideStatuses[i].RideID] = struct{}{}
	}
	return firstOf(err1, err2, err3, err4, err5,
		refers("chairs", "owner_id", t.Chairs, func(r *isuride.Chair) string { return r.OwnerID }, owners),
		refers("chair_locations", "chair_id", t.ChairLocations, func(r *isuride.ChairLocation) string { return r.ChairID }, chairs),
		refers("chair_distances", "chair_id", t.ChairDistances, func(r *isuride.ChairDistance) string { return r.ChairID }, chairs),
		refers("payment_tokens", "user_id", t.PaymentTokens, func(r *isuride.PaymentToken) string { return r.UserID }, users),
		refers("rides", "user_id", t.Rides, func(r *isuride.Ride) string { return r.UserID }, users),
		refers("rides", "chair_id", t.Rides, func(r *isuride.Ride) string { return r.ChairID }, chairs),
		refers("ride_statuses", "ride_id", t.RideStatuses, func(r *isuride.RideStatus) string { return r.RideID }, rides),
		refers("coupons", "user_id", t.Coupons, func(r *isuride.Coupon) string { return r.UserID }, users),
		refers("rides", "the status of", t.Rides, func(r *isuride.Ride) string { return r.ID }, moved))
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
