package report

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"isuride/bench/live"
	"isuride/bench/world"
)

// FindHistory returns the history file of the checkout that contains the folder, or ""
// outside a checkout. The file itself may not exist yet.
func FindHistory(folder string) string {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return ""
	}
	for {
		results := filepath.Join(folder, "bench", "results")
		if info, err := os.Stat(results); err == nil && info.IsDir() {
			return filepath.Join(results, "history.jsonl")
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return ""
		}
		folder = parent
	}
}

// AppendHistory adds one line with the record's figures to a file, which it creates if
// necessary. Lines of several processes do not mix, and half a line left by a crash does
// not spoil the next one.
func (r *Record) AppendHistory(file string) error {
	b, err := json.Marshal(r.Brief())
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer f.Close() // releases the lock as well
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	if torn, err := endsTorn(f); err != nil {
		return err
	} else if torn {
		b = append([]byte{'\n'}, b...)
	}
	_, err = f.Write(append(b, '\n'))
	return err
}

// endsTorn tells whether the last line is incomplete.
func endsTorn(f *os.File) (bool, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end == 0 {
		return false, err
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], end-1)
	return last[0] != '\n', err
}

// Brief is the record without its largest parts: samples, distributions and examples of
// errors.
func (r *Record) Brief() *Record {
	b := *r
	b.Series, b.Intervals, b.Errors = []live.Sample{}, []live.Interval{}, []live.CodeCount{}
	for _, c := range r.Errors {
		c.Examples = []live.Example{}
		b.Errors = append(b.Errors, c)
	}
	b.Cycle = nil
	for _, s := range r.Cycle {
		s.Counts, s.Means = []int{}, []world.Instant{}
		b.Cycle = append(b.Cycle, s)
	}
	return &b
}
