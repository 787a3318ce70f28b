// Matchlab tries matching policies in virtual time: the bench's world (bench/world) with
// its real rules and growth, the real state and the real dispatch of the server, and
// between them a machine on whose cores server and client pay for all calls, so that
// latency emerges from load. A minute of a saturated city takes some seconds; the same
// seed gives the same run.
//
//	go run ./tools/dev/matchlab                                     the policy in use, three seeds
//	go run ./tools/dev/matchlab -seeds 5 default AgeWeight=50,Cadence=100ms
//	go run ./tools/dev/matchlab -regime static -plot course.svg default long:TripWeight=200
//	go run ./tools/dev/matchlab -regimes -seeds 10                  make matchlab
//	go run ./tools/dev/matchlab -regimes -records runs.json         the table of runs made before
//	go run ./tools/dev/matchlab -fit                                how well the lab fits reality
//
// A policy is a list of dispatch.Params that differ from the current ones, optionally with a
// name in front.
//
// What it leaves out: HTTP, journal and database are costs per call (costs.go, appendix.go).
// So it ranks policies; only a real client can say how much one is worth. It has no limit
// of open files.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"isuride/bench/world"
	"isuride/tools/cli"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "matchlab:", err)
		os.Exit(1)
	}
}

func run() error {
	first := flag.Uint64("first", 1, "the first seed")
	seeds := flag.Uint64("seeds", 3, "runs of each policy, with seeds from 1 on")
	load := flag.Duration("t", time.Minute, "length of the load")
	name := flag.String("regime", "cheap", "which costs, machine and city; -list shows them")
	work := flag.Float64("work", 1, "work of each call, as a multiple of the measured one")
	fitting := flag.Bool("fit", false, "print the costs, and compare the lab with what was measured in reality")
	compare := flag.Bool("regimes", false, "compare policies in the regimes named, or in all; takes 15 CPU seconds for each seed and policy")
	records := flag.String("records", "", "print the runs that -regimes -json has kept in this file, instead of making others")
	jobs := flag.Int("j", runtime.GOMAXPROCS(0), "runs at a time")
	plotFile := flag.String("plot", "", "write a drawing (SVG) of the first seed's runs to this file")
	jsonFile := flag.String("json", "", "write the figures of all runs to this file")
	cli.Main(-1)
	debug.SetGCPercent(400) // runs allocate much and are short
	names := flag.Args()
	if len(names) == 0 && !*compare {
		names = []string{"default"}
	}
	r, err := regimeOf(*name)
	if err != nil {
		return err
	}
	r.costs = r.costs.scaled(*work)
	lab := &lab{
		load:   world.Instant(load.Microseconds()),
		regime: r,
		first:  *first,
		seeds:  *seeds,
		atOnce: *jobs,
	}
	if *compare || *records != "" {
		return lab.regimes(names, *records, *jsonFile, *plotFile)
	}
	if *fitting {
		return lab.fit(os.Stdout)
	}
	policies, err := parsePolicies(names)
	if err != nil {
		return err
	}
	trials := lab.try(policies)
	fmt.Print(table(trials))
	if err := writeFile(*jsonFile, func() ([]byte, error) { return json.MarshalIndent(trials, "", "\t") }); err != nil {
		return err
	}
	return writeFile(*plotFile, func() ([]byte, error) { return draw(trials), nil })
}

// regimes makes or reads the runs of the table, and prints it. Files are written after each
// regime, so that an interrupted table keeps what it has.
func (l *lab) regimes(names []string, records, jsonFile, plotFile string) error {
	var all []outcome
	var failed error
	show := func(o outcome) {
		printRegime(os.Stdout, o)
		all = append(all, o)
		failed = errors.Join(failed,
			writeFile(jsonFile, func() ([]byte, error) { return json.Marshal(all) }),
			writeFile(plotFile, func() ([]byte, error) { return drawRegimes(all), nil }))
	}
	if records != "" {
		b, err := os.ReadFile(records)
		if err != nil {
			return err
		}
		var kept []outcome
		if err := json.Unmarshal(b, &kept); err != nil {
			return err
		}
		for _, o := range kept {
			show(o)
		}
	} else if err := l.tryRegimes(names, show); err != nil {
		return err
	}
	return failed
}

// writeFile writes the result of make to the file, if one is named.
func writeFile(name string, make func() ([]byte, error)) error {
	if name == "" {
		return nil
	}
	b, err := make()
	if err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o644)
}
