// Package slowlog reads the slow query log of MariaDB and MySQL, and folds statements to
// what they are without their values.
//
// What it leaves to others: files, and what to count.
package slowlog

import (
	"bytes"
	"errors"
	"strconv"

	"isuride/tools/ops/accesslog/ltsv"
)

// Query is one statement that was run.
type Query struct {
	Statement []byte // folded; valid until the reader's next call
	Time      uint64 // microseconds
	Lock      uint64 // microseconds of it that it waited for locks
	Examined  uint64 // rows
	Sent      uint64 // rows
}

// Reader makes queries of lines.
type Reader struct {
	query  Query
	begun  bool // the times of a query have been read, and its statement follows
	rest   bool // the piece is not the first of its line
	ignore bool // the rest of the line
	text   Fingerprint
}

// Line takes the next piece of the log: a line, or a part of one that is very long; end
// says that it is the last of its line. If that shows that a query has ended, it is
// returned. The error says that the piece is no part of a slow query log.
func (r *Reader) Line(piece []byte, end bool) (q Query, ok bool, err error) {
	first := !r.rest
	r.rest = !end
	if first {
		r.ignore = false
		if isHeader(piece) {
			r.ignore = true
			return r.header(piece)
		}
		if r.isBanner(piece) || r.isPrelude(piece) {
			r.ignore = true
		}
	}
	if r.ignore {
		return q, false, nil
	}
	if !r.begun || first && r.text.Ended() {
		r.ignore = true
		if len(bytes.TrimSpace(piece)) > 0 {
			err = errors.New("this is no part of a slow query log")
		}
		return q, false, err
	}
	r.text.Write(piece)
	if end {
		r.text.Write([]byte{'\n'})
	}
	return q, false, nil
}

// Last returns the query at the end of the log, if there is one.
func (r *Reader) Last() (q Query, ok bool) {
	if !r.begun || r.text.Empty() {
		return Query{}, false
	}
	r.begun = false
	r.query.Statement = r.text.Text()
	return r.query, true
}

// isHeader knows all lines that the servers write above a statement.
func isHeader(line []byte) bool {
	for _, label := range [...]string{"Thread_id", "Schema", "Query_time", "Rows_affected", "Bytes_sent", "Full_scan", "Filesort", "Tmp_tables",
		"Stored_routine", "Priority_queue", "Log_slow_rate_limit", "Pages_accessed", "Pages_read_time", "explain", "administrator command"} {
		if labelled(line, label) {
			return true
		}
	}
	return isOpening(line)
}

// isOpening knows the lines with which a query begins, even if the statement before was
// cut off by a crash.
func isOpening(line []byte) bool { return labelled(line, "Time") || labelled(line, "User@Host") }

func labelled(line []byte, label string) bool {
	rest, ok := bytes.CutPrefix(line, []byte("# "))
	return ok && bytes.HasPrefix(rest, []byte(label)) && bytes.HasPrefix(rest[len(label):], []byte(": "))
}

// isBanner knows the three lines that a server writes when it opens the log.
func (r *Reader) isBanner(line []byte) bool {
	if r.begun && !r.text.Ended() && !r.text.Empty() {
		return false // in a statement, every line belongs to it
	}
	return bytes.Contains(line, []byte(", Version: ")) || bytes.HasPrefix(line, []byte("Tcp port:")) ||
		bytes.HasPrefix(line, []byte("TCP Port:")) || bytes.HasPrefix(line, []byte("Time ")) || bytes.HasPrefix(line, []byte("Time\t"))
}

// isPrelude knows the statements that the server puts before the one that was run.
func (r *Reader) isPrelude(line []byte) bool {
	if !r.begun || !r.text.Empty() {
		return false
	}
	return bytes.HasPrefix(line, []byte("SET timestamp=")) || bytes.HasPrefix(line, []byte("use "))
}

// header reads a line of the head of a query.
func (r *Reader) header(line []byte) (q Query, ok bool, err error) {
	switch {
	case isOpening(line):
		q, ok = r.Last()
		r.begun = false
	case labelled(line, "Query_time"):
		q, ok = r.Last()
		err = r.begin(line)
	case labelled(line, "administrator command") && r.begun:
		r.text.Write(bytes.TrimPrefix(bytes.TrimRight(line, ";\r\n"), []byte("# ")))
	}
	return q, ok, err
}

// begin reads the line with the figures. A statement that was returned stays valid: it is
// overwritten by the next one only.
func (r *Reader) begin(line []byte) error {
	q := Query{Time: seconds(line, "Query_time: "), Lock: seconds(line, "Lock_time: "),
		Examined: number(line, "Rows_examined: "), Sent: number(line, "Rows_sent: ")}
	r.begun = q.Time != none && q.Lock != none && q.Examined != none && q.Sent != none
	if !r.begun {
		return errors.New("a query's figures cannot be read")
	}
	r.query = q
	r.text.Reset()
	return nil
}

// none stands for a figure that is not there.
const none = ^uint64(0)

// field is the word behind the label.
func field(line []byte, label string) []byte {
	_, after, ok := bytes.Cut(line, []byte(label))
	if !ok {
		return nil
	}
	if end := bytes.IndexAny(after, " \r\n"); end >= 0 {
		after = after[:end]
	}
	return after
}

func seconds(line []byte, label string) uint64 {
	n, err := ltsv.Microseconds(field(line, label))
	if err != nil {
		return none
	}
	return n
}

func number(line []byte, label string) uint64 {
	n, err := strconv.ParseInt(string(field(line, label)), 10, 64)
	if err != nil || n < 0 {
		return none
	}
	return uint64(n)
}
