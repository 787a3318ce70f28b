// Benchdiff compares two sets of runs of the bench: the medians of each figure, how far the runs of each set are apart,
// and whether the difference is more than that.
//
//	benchdiff [-json] A B
//
// A and B are files of records as bench run --out writes them, or lines of the history. With -n 3 or more, bench run
// makes files of several records; with a single one on a side there is no spread and so no verdict.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"isuride/bench/report"
	"isuride/tools/cli"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "benchdiff:", err)
		os.Exit(2)
	}
}

// A comparison is what -json prints.
type comparison struct {
	A      side     `json:"a"`
	B      side     `json:"b"`
	Doubts []string `json:"doubts"`
	Rows   []row    `json:"figures"`
}

type side struct {
	File    string   `json:"file"`
	Runs    int      `json:"runs"`
	Commits []string `json:"commits"` // of the runs, in their order
}

func run(args []string, out io.Writer) error {
	f := flag.NewFlagSet("benchdiff", flag.ContinueOnError)
	asJSON := f.Bool("json", false, "write the comparison as JSON")
	f.Usage = func() { fmt.Fprintln(out, "usage: benchdiff [-json] A B, two files of records") }
	if err := cli.Parse(f, args, 2, out); err != nil {
		return err
	}
	if f.NArg() != 2 {
		return fmt.Errorf("usage: benchdiff [-json] A B, two files of records")
	}
	a, err := read(f.Arg(0))
	if err != nil {
		return err
	}
	b, err := read(f.Arg(1))
	if err != nil {
		return err
	}
	c := comparison{sideOf(f.Arg(0), a), sideOf(f.Arg(1), b), doubts(a, b), compare(a, b)}
	if *asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", " ")
		return e.Encode(c)
	}
	return c.text(out)
}

func read(file string) ([]*report.Record, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := report.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return records, nil
}

func sideOf(file string, records []*report.Record) side {
	s := side{File: file, Runs: len(records)}
	for _, r := range records {
		s.Commits = append(s.Commits, r.Commit)
	}
	return s
}

func (c *comparison) text(out io.Writer) error {
	fmt.Fprintf(out, "A  %s, runs: %d\nB  %s, runs: %d\nmedians; spread is from the lowest to the highest run\n\n", c.A.File, c.A.Runs, c.B.File, c.B.Runs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "A\tspread\tB\tspread\tB/A\tverdict\t  figure\n")
	for _, r := range c.Rows {
		ratio := "-"
		if r.Ratio != nil {
			ratio = fmt.Sprintf("%.3f", *r.Ratio)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t  %s\n", report.Number(r.A.Median), r.A.Relative(),
			report.Number(r.B.Median), r.B.Relative(), ratio, r.Verdict, r.Name)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if min(c.A.Runs, c.B.Runs) < 2 {
		fmt.Fprintln(out, "\nunknown: a single run says nothing about the spread, see bench run -n")
	}
	for _, d := range c.Doubts {
		fmt.Fprintf(out, "\nDOUBT: %s", d)
	}
	if len(c.Doubts) > 0 {
		fmt.Fprintln(out)
	}
	return nil
}
