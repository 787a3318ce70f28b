// Package report turns the result of a run into what remains of it: a record in a stable
// JSON form, a text for people, a page with plots, and a line in the history of runs. It
// also says when the bench itself was the limit of a run, so that nobody mistakes its
// figures for the server's.
//
// What it leaves to others: collecting the figures (packages live, client and world),
// drawing (package chart), flags and the live display (the program), and comparing
// records (bench/compare, for which Figures and Spread are here).
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"isuride/bench/live"
)

// Format is the version of the JSON form. It grows when a member changes its meaning or
// is removed, not when one is added.
const Format = 1

// A Record is a run with its circumstances. Its JSON has the members of the result beside
// its own.
type Record struct {
	Format   int               `json:"format"`
	Commit   string            `json:"commit"` // of the bench, with "-dirty" if files differed; "" if unknown
	Machine  Machine           `json:"machine"`
	Settings map[string]string `json:"settings"` // flags by name

	// BenchLimits are the reasons, if any, why the figures do not describe the server.
	BenchLimits []string `json:"bench_limits"`

	live.Result
}

// New makes the record of a run that has just ended in this process.
func New(r *live.Result, settings map[string]string) *Record {
	return &Record{
		Format: Format, Commit: commit(), Machine: ThisMachine(), Settings: settings,
		BenchLimits: limits(r), Result: *r,
	}
}

// Write adds the record to w, indented. Several records make a file of several.
func (r *Record) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(r)
}

// Read reads the records of a file, at least one.
func Read(from io.Reader) ([]*Record, error) {
	b, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	var list []*Record
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		before := d.InputOffset()
		r := new(Record)
		err := d.Decode(r)
		if err == io.EOF {
			break
		}
		if err != nil {
			err = fmt.Errorf("not a record of a run: %w", err)
		} else {
			err = r.readable()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", lineBehind(b, before), err)
		}
		list = append(list, r)
	}
	if len(list) == 0 {
		return nil, errors.New("no record")
	}
	return list, nil
}

// lineBehind is the number of the line with the first record after an offset.
func lineBehind(b []byte, offset int64) int {
	space := len(b[offset:]) - len(bytes.TrimLeft(b[offset:], " \t\r\n"))
	return 1 + bytes.Count(b[:int(offset)+space], []byte{'\n'})
}

// readable tells why this program cannot read r, if so.
func (r *Record) readable() error {
	switch r.Format {
	case Format:
		return nil
	case 0:
		return errors.New("not a record of a run")
	}
	return fmt.Errorf("a record of format %d, but this program reads %d", r.Format, Format)
}

// AllRequests is the number of requests sent to the server, and received from it by the
// payment service.
func (r *Record) AllRequests() int64 {
	n := r.Requests.Requests
	for _, count := range r.Payments {
		n += int64(count)
	}
	return n
}

// CPUPerRequest is the CPU time of the bench in microseconds, 0 without requests.
func (r *Record) CPUPerRequest() float64 {
	n := r.AllRequests()
	if n == 0 {
		return 0
	}
	return 1e6 * r.Usage.CPUSeconds() / float64(n)
}

// Loaded tells whether the run reached its load, however short.
func (r *Record) Loaded() bool {
	return slices.ContainsFunc(r.Phases, func(l live.Lap) bool { return l.Phase == live.PhaseLoad })
}

// An Outcome is how a run ended.
type Outcome string

const (
	Pass        Outcome = "PASS"
	Fail        Outcome = "FAIL"
	Interrupted Outcome = "INTERRUPTED"
)

func (r *Record) Outcome() Outcome {
	switch {
	case r.Interrupted:
		return Interrupted
	case !r.Passed:
		return Fail
	}
	return Pass
}

// Verdict is the outcome in one line, with the score after a load and the reason for a
// failure.
func (r *Record) Verdict() string {
	s := string(r.Outcome())
	if r.Ticks > 0 {
		s += " with score " + count(r.Score)
	}
	if r.Outcome() == Fail {
		s += ": " + r.Reason
	}
	return s
}
