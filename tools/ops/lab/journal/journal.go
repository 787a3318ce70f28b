// Package journal keeps what services say: a file per unit, a line per message, with
// time and speaker. It stands in for systemd's journal.
//
// Nothing is rotated: the hosts live for minutes.
package journal

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// suffix of the files: UNIT.log.
const suffix = ".log"

// maxLine bounds a message, in bytes; longer ones are cut into several.
const maxLine = 48 << 10

// stamp is of fixed width, so that lines sort.
const stamp = "2006-01-02T15:04:05.000000Z"

// Entry is a message.
type Entry struct {
	Time    time.Time
	Speaker string // "nginx[12]"
	Text    string
}

// Journal writes to a folder. Its methods may be called at the same time.
type Journal struct {
	folder string
	mu     sync.Mutex
	files  map[string]*os.File
}

// Open makes the folder, which only root reads, as in Debian.
func Open(folder string) (*Journal, error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	return &Journal{folder: folder, files: map[string]*os.File{}}, nil
}

// Add writes a message. A disk that is full loses it, as with systemd.
func (j *Journal) Add(unit, speaker, text string) {
	line := fmt.Sprintf("%s %s: %s\n", time.Now().UTC().Format(stamp), speaker, text)
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.files[unit]
	if f == nil {
		var err error
		if f, err = os.OpenFile(filepath.Join(j.folder, unit+suffix), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640); err != nil {
			return
		}
		j.files[unit] = f
	}
	f.WriteString(line)
}

// Copy adds a message per line until r ends.
func (j *Journal) Copy(unit, speaker string, r io.Reader) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			j.Add(unit, speaker, strings.TrimRight(string(line), "\r\n"))
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// Read returns the messages of the units, all of them if none is named, not older than
// since and not newer than until, by time.
func Read(folder string, units []string, since, until time.Time) ([]Entry, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*"+suffix))
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, file := range files {
		unit := strings.TrimSuffix(filepath.Base(file), suffix)
		if len(units) > 0 && !slices.Contains(units, unit) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if e, ok := parse(line); ok && !e.Time.Before(since) && !e.Time.After(until) {
				all = append(all, e)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	return all, nil
}

// parse fails for a line that is being written.
func parse(line string) (e Entry, ok bool) {
	line, ok = strings.CutSuffix(line, "\n")
	if !ok || len(line) < len(stamp)+1 {
		return e, false
	}
	at, err := time.Parse(stamp, line[:len(stamp)])
	if err != nil {
		return e, false
	}
	speaker, text, ok := strings.Cut(line[len(stamp)+1:], ": ")
	return Entry{at, speaker, text}, ok
}
