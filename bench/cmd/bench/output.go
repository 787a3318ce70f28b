package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"isuride/bench/report"
)

// none stands for stdout, or for a file that is not wanted.
const none = "-"

// outputs decides which files are written. It refuses impossible ones before a run is
// spent on them.
func (s *settings) outputs() error {
	if s.history == "" {
		s.history = report.FindHistory(".")
	}
	if s.out != "" && s.out != none {
		base := strings.TrimSuffix(s.out, filepath.Ext(s.out))
		s.text = base + ".txt"
		if s.html == "" {
			s.html = base + ".html"
		}
		if s.text == s.out || s.html == s.out {
			return fmt.Errorf("--out %s: want the name of a JSON file, because text and page go beside it", s.out)
		}
	}
	if err := s.keepOthers(); err != nil {
		return err
	}
	for _, o := range []struct{ flag, file string }{{"--out", s.out}, {"--out", s.text}, {"--html", s.html}, {"--history", s.history}, {"--ledger", s.ledger.out}} {
		if !isFile(o.file) {
			continue
		}
		if err := writable(o.file); err != nil {
			return fmt.Errorf("%s %s: %w", o.flag, o.file, err)
		}
	}
	return nil
}

// keepOthers refuses to replace existing files, because the names of text and page are
// derived, and to write a file that the shell writes as well. The text is the exception:
// if stdout is its file, it is not written again.
func (s *settings) keepOthers() error {
	if isFile(s.text) && sameFile(s.text, os.Stdout) {
		s.textShown = true
	}
	files := []struct{ flag, file string }{{"--out", s.out}, {"--html", s.html}}
	if s.runs > 1 && isFile(s.html) {
		for run := range s.runs {
			files = append(files, struct{ flag, file string }{"--html", s.page(run + 1)})
		}
	}
	if !s.textShown {
		files = append(files, struct{ flag, file string }{"--out", s.text})
	}
	for _, o := range files {
		if err := s.keepOther(o.file); isFile(o.file) && err != nil {
			return fmt.Errorf("%s: %w", o.flag, err)
		}
	}
	return nil
}

func (s *settings) keepOther(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil || !info.Mode().IsRegular():
		return nil
	case sameFile(file, os.Stdout), sameFile(file, os.Stderr):
		return fmt.Errorf("%s is where the shell writes the output, too; give one of them another name", file)
	case info.Size() > 0 && !s.force:
		return fmt.Errorf("%s exists; give another name, or --force to replace it", file)
	}
	return nil
}

func sameFile(name string, open *os.File) bool {
	a, err1 := os.Stat(name)
	b, err2 := open.Stat()
	return err1 == nil && err2 == nil && a.Mode().IsRegular() && os.SameFile(a, b)
}

// isFile tells the name of a file from none and from stdout.
func isFile(name string) bool { return name != "" && name != none }

// writable checks that a file can be written or created. It leaves no trace.
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

// save writes the last record wherever it is wanted. JSON and text have all records.
func (s *settings) save(records []*report.Record) error {
	last := records[len(records)-1]
	if isFile(s.history) {
		if err := last.AppendHistory(s.history); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	if isFile(s.html) {
		if err := writeFile(s.page(len(records)), last.HTML); err != nil {
			return err
		}
	}
	if isFile(s.ledger.out) && last.Loaded() {
		if err := writeJSON(s.ledger.out, last.Ledger); err != nil {
			return err
		}
	}
	switch s.out {
	case "":
		return nil
	case none:
		return last.Write(os.Stdout)
	}
	var err error
	if !s.textShown {
		err = writeFile(s.text, func(w io.Writer) error { return writeText(w, records) })
	}
	return errors.Join(err, writeFile(s.out, func(w io.Writer) error { return writeRecords(w, records) }))
}

func writeRecords(w io.Writer, records []*report.Record) error {
	for _, r := range records {
		if err := r.Write(w); err != nil {
			return err
		}
	}
	return nil
}

func writeText(w io.Writer, records []*report.Record) error {
	for _, r := range records {
		if err := r.Text(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	if len(records) == 1 {
		return nil
	}
	return report.RepeatedText(w, records)
}

// tell repeats the verdict of a single run, whose report may have filled more than a
// screen, and names the files that save wrote.
func (s *settings) tell(w io.Writer, records []*report.Record) {
	fmt.Fprintln(w)
	if len(records) == 1 {
		fmt.Fprintln(w, records[0].Verdict())
	}
	if isFile(s.out) {
		fmt.Fprintf(w, "text     %s\nJSON     %s\n", s.text, s.out)
	}
	if isFile(s.html) {
		for run := range records {
			fmt.Fprintf(w, "page     %s\n", s.page(run+1))
		}
	}
	if isFile(s.history) {
		fmt.Fprintf(w, "history  %s\n", s.history)
	}
}

// page is the file of a run's page. Each of several runs has its own.
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
