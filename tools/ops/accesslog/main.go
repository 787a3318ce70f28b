// Command accesslog groups the access log of nginx by endpoint, or the slow query log of
// the database by statement, and says of each group how many there were, how long they
// took and how they ended.
//
//	accesslog access.log              a table, the longest sum of times first
//	accesslog -sort p99 access.log    by another column
//	accesslog before.log after.log    two runs side by side
//	accesslog -slow slow.log          the slow query log
//
// A run may have several files, of several hosts, separated by commas. Files may be
// compressed by gzip; - is the standard input. Notification streams are requests, too, and
// last as long as their client stays; -sort avg or p99 looks past them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"isuride/tools/cli"
)

func main() {
	switch err := start(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "accesslog:", err)
		os.Exit(1)
	}
}

func start(args []string, stdin io.Reader, out, complaints io.Writer) error {
	flags := flag.NewFlagSet("accesslog", flag.ContinueOnError)
	slow := flags.Bool("slow", false, "read the slow query log of MariaDB or MySQL instead")
	asJSON := flags.Bool("json", false, "write JSON, with times in seconds")
	order := flags.String("sort", "sum", "`column` to sort by; for two runs, by how much it has changed")
	flags.Usage = func() {
		fmt.Fprint(out, "usage: accesslog [flags] [LOG[,LOG...] [LOG[,LOG...]]]\n\n")
		flags.PrintDefaults()
	}
	if err := cli.Parse(flags, args, -1, out); err != nil {
		return err
	}
	l := access
	if *slow {
		l = slowQueries
	}
	by, ok := l.column(*order)
	if !ok {
		return fmt.Errorf("-sort %s: there are %s", *order, strings.Join(l.columnNames(), ", "))
	}
	names := flags.Args()
	switch len(names) {
	case 0:
		names = []string{"-"}
	case 1, 2:
	default:
		return errors.New("there are more than two runs; commas separate the files of one run")
	}
	runs, err := readAll(l, names, stdin, complaints)
	if err != nil {
		return err
	}
	switch {
	case *asJSON:
		return writeJSON(out, l, runs)
	case len(runs) == 2:
		return compare(out, l, by, runs[0], runs[1])
	}
	return table(out, l, by, runs[0])
}

// readAll reads the runs and says what in them could not be understood.
func readAll(l *logKind, names []string, stdin io.Reader, complaints io.Writer) ([]*run, error) {
	var runs []*run
	for _, name := range names {
		r := newRun(name)
		for file := range strings.SplitSeq(name, ",") {
			if err := readFile(l, r, file, stdin); err != nil {
				return nil, err
			}
		}
		if r.malformed > 0 {
			fmt.Fprintf(complaints, "accesslog: %d malformed lines; the first is %s\n", r.malformed, r.example)
		}
		if r.total.count == 0 && r.malformed > 0 {
			return nil, fmt.Errorf("%s is no %s", name, l.name)
		}
		runs = append(runs, r)
	}
	return runs, nil
}
