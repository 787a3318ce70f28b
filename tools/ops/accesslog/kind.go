package main

import (
	"errors"

	"isuride/tools/ops/accesslog/ltsv"
	"isuride/tools/ops/accesslog/slowlog"
)

// logKind is a kind of log: what its entries have, and how they are read.
type logKind struct {
	name   string
	times  [timesPerEntry]string // prefixes of the columns
	sums   []string              // columns
	groups string                // what a group is
	reader func(r *run, file string) lineReader
}

var access = &logKind{
	name:   "access log in LTSV",
	times:  [...]string{"", "app-"},
	sums:   []string{"bytes", "2xx", "3xx", "4xx", "5xx"},
	groups: "endpoint",
	reader: func(r *run, file string) lineReader { return &accessReader{run: r, file: file} },
}

var slowQueries = &logKind{
	name:   "slow query log",
	times:  [...]string{"", "lock-"},
	sums:   []string{"examined", "sent"},
	groups: "statement",
	reader: func(r *run, file string) lineReader { return &slowReader{run: r, file: file, line: 1} },
}

// accessReader reads the lines of nginx.
type accessReader struct {
	run   *run
	file  string
	line  int
	long  bool // the pieces of a line that is too long go on
	name  []byte
	entry entry
}

var errLong = errors.New("the line is too long")

func (a *accessReader) piece(p []byte, end bool) {
	more := a.long
	a.long = !end
	if more {
		return
	}
	a.line++
	if !end {
		a.run.reject(a.file, a.line, p, errLong)
		return
	}
	var request ltsv.Access
	if err := request.Parse(p); err != nil {
		a.run.reject(a.file, a.line, p, err)
		return
	}
	a.name = request.AppendEndpoint(a.name[:0])
	a.entry = entry{group: a.name, times: [...]uint64{request.Request, request.App}, has: [...]bool{true, request.HasApp}}
	a.entry.sums[0] = request.Size
	if class := request.Status / 100; class >= 2 && class <= 5 {
		a.entry.sums[class-1] = 1
	}
	a.run.add(&a.entry)
}

func (a *accessReader) done() {}

// slowReader reads the statements of the database.
type slowReader struct {
	run  *run
	file string
	line int
	log  slowlog.Reader
}

func (s *slowReader) piece(p []byte, end bool) {
	query, ok, err := s.log.Line(p, end)
	if err != nil {
		s.run.reject(s.file, s.line, p, err)
	}
	if ok {
		s.add(query)
	}
	if end {
		s.line++
	}
}

func (s *slowReader) done() {
	if query, ok := s.log.Last(); ok {
		s.add(query)
	}
}

func (s *slowReader) add(q slowlog.Query) {
	s.run.add(&entry{group: q.Statement, times: [...]uint64{q.Time, q.Lock}, has: [...]bool{true, true},
		sums: [...]uint64{q.Examined, q.Sent, 0, 0, 0}})
}
