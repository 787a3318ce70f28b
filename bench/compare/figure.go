package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"isuride/bench/report"
)

// A bar is what the median of a figure has to reach.
type bar struct {
	figure string
	limit  float64
	most   bool // the figure may be at most the limit, instead of at least
}

func (b bar) String() string {
	if b.most {
		return "at most " + report.Short(b.limit)
	}
	return "at least " + report.Short(b.limit)
}

func (b bar) missed(v float64) bool {
	if b.most {
		return v > b.limit
	}
	return v < b.limit
}

func verdict(failed bool) string {
	if failed {
		return "FAIL"
	}
	return "pass"
}

func column[T any](runs []T, value func(T) float64) []float64 {
	var list []float64
	for _, r := range runs {
		list = append(list, value(r))
	}
	return list
}

// spreadOf is nil without runs.
func spreadOf[T any](runs []T, value func(T) float64) *report.Spread {
	if len(runs) == 0 {
		return nil
	}
	s := report.SpreadOf(column(runs, value))
	return &s
}

// readJSON reads a file of records.
func readJSON[T any](file string) ([]*T, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []*T
	for d := json.NewDecoder(f); ; {
		v := new(T)
		switch err := d.Decode(v); {
		case err == io.EOF:
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("%s, record %d: %w", file, len(list)+1, err)
		}
		list = append(list, v)
	}
}
