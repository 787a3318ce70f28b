// Perf guards the speed: it runs the micro benchmarks of the hot paths and a short duel against the naive server, and
// compares with what the same kind of machine has stored. Differences count when they are larger than what repeated runs
// differ by anyway.
//
// Usage: perf [-save] [flags], in the root of the checkout. The exit status is 1 if something has become slower, 2 if
// nothing could be measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"isuride/bench/report"
	"isuride/tools/cli"
	"isuride/tools/measure"
)

// settings are the flags.
type settings struct {
	file  string
	save  bool
	count int
	duel  bool
	t     string
}

func main() {
	measure.Main("perf", func(ctx context.Context, args []string) (bool, error) {
		s := settings{}
		f := flag.NewFlagSet("perf", flag.ContinueOnError)
		f.StringVar(&s.file, "base", "bench/results/perf.jsonl", "`file` with the stored figures of all machines")
		f.BoolVar(&s.save, "save", false, "store the figures as those of this machine")
		f.IntVar(&s.count, "count", 5, "`number` of runs of each micro benchmark; the medians count")
		f.BoolVar(&s.duel, "duel", true, "run the duel, which needs the source of the naive server in ../shared")
		f.StringVar(&s.t, "t", "30", "`seconds` of load in the duel")
		if err := cli.Parse(f, args, 0, os.Stdout); err != nil {
			return false, err
		}
		slower, err := s.run(ctx)
		return !slower, err
	})
}

func (s *settings) run(ctx context.Context) (slower bool, err error) {
	if s.count < 1 {
		return false, errors.New("-count: want at least one run")
	}
	bases, err := readBases(s.file)
	if err != nil {
		return false, err
	}
	now := &base{Machine: report.ThisMachine(), Figures: map[string]report.Spread{}}
	old := bases.find(now.Machine)
	if err := now.micro(ctx, s.count); err != nil {
		return false, err
	}
	if s.duel {
		if err := now.fight(ctx, s.t); err != nil {
			return false, err
		}
	}
	slower = compare(os.Stdout, old, now)
	switch {
	case s.save:
		return slower, bases.store(s.file, now)
	case old == nil:
		fmt.Printf("\n%s has nothing of a machine like this; -save stores these figures\n", s.file)
	}
	return slower, nil
}
