// Duel runs the bench against two servers in turn, on one machine and with the same settings, and compares what they
// reach: the server of this repository against the naive server in memory of the calibration, or two settings of ours.
// The naive one is not part of the repository; its source is looked for in ../shared/calibration-server.
//
// Usage: duel [flags], in the root of the checkout. Each run is appended to a file of records. The exit status is 1 if a
// bar is missed, 2 if nothing could be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"isuride/tools/cli"
	"isuride/tools/measure"
)

// settings are the flags.
type settings struct {
	load    time.Duration
	pairs   int
	source  string // of the naive server
	home    string // where everything is built and written
	records string // file that the records are appended to
	table   string // file with records to make a table of, instead of running anything
	duels   []duel
}

func main() {
	measure.Main("duel", func(ctx context.Context, args []string) (bool, error) {
		s, err := parse(args)
		if err != nil {
			return false, err
		}
		return s.fight(ctx)
	})
}

func parse(args []string) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("duel", flag.ContinueOnError)
	seconds := f.Float64("t", fullLoad.Seconds(), "`seconds` of load; the bars are for 60")
	f.IntVar(&s.pairs, "n", 3, "`number` of pairs of each duel; the medians count")
	var only string
	f.StringVar(&only, "only", "", "comma-separated `duels` instead of all: "+measure.Names(duels(), duelName))
	f.StringVar(&s.source, "naive", "../shared/calibration-server", "`folder` with the source of the naive server")
	f.StringVar(&s.home, "home", ".run/duel", "`folder` for programs, data and logs")
	f.StringVar(&s.records, "records", "", "`file` that the records are appended to; by default duel.jsonl in -home")
	f.StringVar(&s.table, "table", "", "make no run, but a table for a document from this `file` of records")
	if err := cli.Parse(f, args, 0, os.Stdout); err != nil {
		return nil, err
	}
	s.load = time.Duration(*seconds * float64(time.Second))
	if s.pairs < 1 || s.load < time.Second {
		return nil, errors.New("want at least one pair of at least a second; -h lists the flags")
	}
	if s.records == "" {
		s.records = s.path("duel.jsonl")
	}
	var err error
	s.duels, err = measure.Choose(duels(), duelName, only)
	return s, err
}

func (s *settings) path(name string) string { return filepath.Join(s.home, name) }

func duelName(d duel) string { return d.name }

// fight makes all runs and says whether every bar has been reached.
func (s *settings) fight(ctx context.Context) (bool, error) {
	if s.table != "" {
		runs, err := readRuns(s.table)
		if err == nil {
			markdown(os.Stdout, outcomesOf(runs))
		}
		return true, err
	}
	if err := s.build(ctx); err != nil {
		return false, err
	}
	passed := true
	for _, d := range s.duels {
		o := &outcome{duel: d}
		for pair := range s.pairs {
			for side, c := range d.sides {
				r, err := s.play(ctx, d, c, pair)
				if err != nil {
					return false, fmt.Errorf("%s, %s: %w", d.name, c.name, err)
				}
				o.runs[side] = append(o.runs[side], r)
				if err := r.appendTo(s.records); err != nil {
					return false, err
				}
			}
		}
		o.judge(s.load)
		o.print(os.Stdout)
		passed = passed && !o.failed()
	}
	fmt.Printf("\nrecords: %s\n", s.records)
	return passed, nil
}
