package main

import (
	"fmt"

	"isuride/tools/ops/accesslog/histogram"
)

// entry is one line of a log, or one statement, as far as it is counted.
type entry struct {
	group []byte
	times [timesPerEntry]uint64 // microseconds
	has   [timesPerEntry]bool
	sums  [sumsPerEntry]uint64
}

// What an entry has of each kind at most.
const (
	timesPerEntry = 2
	sumsPerEntry  = 5
)

// group is what is known of the entries that belong together.
type group struct {
	name  string
	count uint64
	times [timesPerEntry]histogram.Histogram
	sums  [sumsPerEntry]uint64
}

func (g *group) add(e *entry) {
	g.count++
	for i, t := range e.times {
		if e.has[i] {
			g.times[i].Add(t)
		}
	}
	for i, n := range e.sums {
		g.sums[i] += n
	}
}

// run is a log, of one file or several.
type run struct {
	name      string
	groups    map[string]*group
	total     group
	malformed int    // lines
	example   string // the first of them
}

func newRun(name string) *run {
	return &run{name: name, groups: map[string]*group{}, total: group{name: "total"}}
}

// maxGroups bounds the memory that a log of strange requests takes; entries of further
// groups are counted together.
const maxGroups = 2000

const furtherGroups = "(others)"

func (r *run) add(e *entry) {
	r.total.add(e)
	g, ok := r.groups[string(e.group)]
	if !ok {
		g = r.open(string(e.group))
	}
	g.add(e)
}

func (r *run) open(name string) *group {
	if len(r.groups) >= maxGroups {
		name = furtherGroups
	}
	g, ok := r.groups[name]
	if !ok {
		g = &group{name: name}
		r.groups[name] = g
	}
	return g
}

// shown is how much of a malformed line is shown.
const shown = 100 // bytes

func (r *run) reject(file string, line int, text []byte, err error) {
	if r.malformed++; r.malformed == 1 {
		r.example = fmt.Sprintf("%s:%d: %v: %q", file, line, err, text[:min(len(text), shown)])
	}
}
