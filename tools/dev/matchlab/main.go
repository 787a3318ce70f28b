// Matchlab tries matching policies in virtual time: the bench's world (bench/world) with
// its real rules and growth, the real state and the real dispatch of the server, and
// between them a machine whose cores are shared by all calls, so that latency emerges
// from load. A minute of a saturated city takes some seconds; the same seed gives the
// same run.
//
//	go run ./tools/dev/matchlab                                     the policy in use, three seeds
//	go run ./tools/dev/matchlab -seeds 5 default AgeWeight=50,Cadence=100ms
//	go run ./tools/dev/matchlab -plot course.svg -json runs.json default long:TripWeight=200
//
// A policy is a list of dispatch.Params that differ from the current ones, optionally
// with a name in front.
//
// What it leaves out: HTTP, journal and database are costs per call (machine.go), found
// by fitting the whole to a measured run. So it ranks policies; only the real bench can
// say how much one is worth. It has no limit of open files.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
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
	jobs := flag.Int("j", runtime.GOMAXPROCS(0), "runs at a time")
	plotFile := flag.String("plot", "", "write a drawing (SVG) of the first seed's runs to this file")
	jsonFile := flag.String("json", "", "write the figures of all runs to this file")
	cli.Main(-1)
	names := flag.Args()
	if len(names) == 0 {
		names = []string{"default"}
	}
	policies, err := parsePolicies(names)
	if err != nil {
		return err
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
	if *fitting {
		return lab.fit(os.Stdout)
	}
	trials := lab.try(policies)
	fmt.Print(table(trials))
	if err := writeFile(*jsonFile, func() ([]byte, error) { return json.MarshalIndent(trials, "", "\t") }); err != nil {
		return err
	}
	return writeFile(*plotFile, func() ([]byte, error) { return draw(trials), nil })
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
