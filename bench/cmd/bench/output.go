package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"isuride/bench/report"
)

// none is the name of a file that is not wanted, or of stdout.
const none = "-"

// outputs settles which files are written, and finds those that cannot be before a run is spent on them.
func (s *settings) outputs() error {
	if s.history == "" {
		s.history = report.FindHistory(".")
	}
	if s.html == "" && s.out != "" && s.out != none {
		s.html = strings.TrimSuffix(s.out, filepath.Ext(s.out)) + ".html"
	}
	for _, o := range []struct{ flag, file string }{{"--out", s.out}, {"--html", s.html}, {"--history", s.history}} {
		if o.file == "" || o.file == none {
			continue
		}
		if err := writable(o.file); err != nil {
			return fmt.Errorf("%s %s: %w", o.flag, o.file, err)
		}
	}
	return nil
}

// writable tells whether a file can be written or made. It leaves no trace.
func writable(file string) error {
	err := unix.Access(file, unix.W_OK)
	if err == unix.ENOENT {
		return unix.Access(filepath.Dir(file), unix.W_OK)
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return unix.EISDIR
	}
	return err
}

// save writes the last of the records to wherever it is wanted; --out has all of them.
func (s *settings) save(records []*report.Record) error {
	last := records[len(records)-1]
	if s.history != "" && s.history != none {
		if err := last.AppendHistory(s.history); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	if s.html != "" && s.html != none {
		if err := writeFile(s.page(len(records)), last.HTML); err != nil {
			return err
		}
	}
	switch s.out {
	case "":
		return nil
	case none:
		return last.Write(os.Stdout)
	}
	return writeFile(s.out, func(w io.Writer) error {
		for _, r := range records {
			if err := r.Write(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// page is the file of one run's page: of several runs, each has one.
func (s *settings) page(run int) string {
	if s.runs == 1 {
		return s.html
	}
	ext := filepath.Ext(s.html)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(s.html, ext), run, ext)
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
