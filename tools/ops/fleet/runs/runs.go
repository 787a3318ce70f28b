// Package runs keeps what is known about runs of the benchmarker against the hosts: a line
// for each run in a file for programs and in one for people, with what decides how far two
// scores can be compared, and how busy a host was between two moments, and with what.
//
// The runs themselves, and the folder with what they leave, are the callers'.
package runs

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Entry is a run.
type Entry struct {
	ID          string    `json:"id"`
	Started     time.Time `json:"started"`
	Revision    string    `json:"revision"` // of the server, empty if it did not say
	Outcome     string    `json:"outcome"`  // the bench's: PASS, FAIL or INTERRUPTED
	Reason      string    `json:"reason,omitempty"`
	Score       int       `json:"score"`
	Errors      int       `json:"errors"`
	LoadSeconds float64   `json:"load_seconds"`
	BenchLimits []string  `json:"bench_limits,omitempty"` // why the score may be the bench's, not the server's
	AccessLog   bool      `json:"access_log"`
	SlowLog     bool      `json:"slow_log"`
	Durability  string    `json:"durability"`
	Layout      string    `json:"layout"` // hosts with their roles
	Note        string    `json:"note,omitempty"`
}

// NewID names a run: names sort by time, and those of two people do not meet.
func NewID(now time.Time) string {
	return now.UTC().Format("20060102-150405-") + strings.ToLower(rand.Text()[:4])
}

// Files of the log, in its folder.
const (
	programs = "scores.jsonl"
	people   = "scores.tsv"
)

var columns = []string{"run", "score", "outcome", "errors", "seconds", "limit", "access", "slow", "durability", "revision", "layout", "note"}

// row has the values of columns.
func (e Entry) row() []string {
	limit := ""
	if len(e.BenchLimits) > 0 {
		limit = "bench"
	}
	row := []string{e.ID, strconv.Itoa(e.Score), e.Outcome, strconv.Itoa(e.Errors), strconv.FormatFloat(e.LoadSeconds, 'f', 0, 64), limit,
		onOff(e.AccessLog), onOff(e.SlowLog), e.Durability, short(e.Revision), e.Layout, e.Note}
	for i, v := range row {
		row[i] = cmp.Or(strings.Join(strings.Fields(v), " "), "-") // neither tab nor new line
	}
	return row
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// short is a revision as git abbreviates it, with the mark of a changed checkout.
func short(revision string) string {
	const digits = 10
	hash, mark, changed := strings.Cut(revision, "-")
	hash = hash[:min(len(hash), digits)]
	if changed {
		return hash + "-" + mark
	}
	return hash
}

// Append adds a run to both files of the folder.
func Append(dir string, e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := appendLine(filepath.Join(dir, programs), "", string(line)); err != nil {
		return err
	}
	return appendLine(filepath.Join(dir, people), strings.Join(columns, "\t"), strings.Join(e.row(), "\t"))
}

// appendLine writes the line at once, so that those of two programs do not mix. A new file
// begins with the head; what a crash has left of a line stays alone on its own.
func appendLine(name, head, line string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	switch size := info.Size(); {
	case size == 0 && head != "":
		line = head + "\n" + line
	case size > 0:
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = "\n" + line
		}
	}
	_, err = f.WriteString(line + "\n")
	return err
}

// Last reads the newest n runs, oldest first. There may be none. What a crash has left of
// a line is passed over.
func Last(dir string, n int) ([]Entry, error) {
	f, err := os.Open(filepath.Join(dir, programs))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []Entry
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e Entry
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			list = append(list, e)
		}
	}
	return list[max(0, len(list)-n):], lines.Err()
}

// Write prints runs as a table.
func Write(w io.Writer, list []Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(columns, "\t"))
	for _, e := range list {
		fmt.Fprintln(t, strings.Join(e.row(), "\t"))
	}
	return t.Flush()
}
