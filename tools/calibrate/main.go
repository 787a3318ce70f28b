// Calibrate runs the bench against the calibration server, a small server in memory with known policies, and prints its
// figures beside those of the official benchmarker (package calibration). With -virtual it makes the same runs in virtual
// time as well.
//
// Usage: calibrate [flags], in the root of the checkout. The exit status is 1 if a figure fails, 2 if nothing could be
// measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"isuride/bench/calibration"
	"isuride/tools/cli"
	"isuride/tools/measure"
)

// settings are the flags.
type settings struct {
	load     time.Duration
	runs     int
	virtual  bool
	real     bool
	source   string // of the calibration server
	home     string // where everything is built and written
	policies []calibration.Policy
}

func main() {
	measure.Main("calibrate", func(ctx context.Context, args []string) (bool, error) {
		s, err := parse(args)
		if err != nil {
			return false, err
		}
		return s.calibrate(ctx)
	})
}

func parse(args []string) (*settings, error) {
	s := &settings{policies: calibration.Policies()}
	f := flag.NewFlagSet("calibrate", flag.ContinueOnError)
	seconds := f.Float64("t", calibration.Load.Seconds(), "`seconds` of load; the official figures are of 60, others are not compared with them")
	f.IntVar(&s.runs, "n", 1, "`number` of runs of each policy; their medians count, and scores of equal runs are 5 % apart")
	f.BoolVar(&s.virtual, "virtual", false, "run in virtual time, too")
	f.BoolVar(&s.real, "real", true, "run in real time")
	var only string
	f.StringVar(&only, "only", "", "comma-separated `policies` instead of all: "+measure.Names(s.policies, policyName))
	f.StringVar(&s.source, "server", "../shared/calibration-server", "`folder` with the source of the calibration server")
	f.StringVar(&s.home, "home", ".run/calibrate", "`folder` for programs and records")
	if err := cli.Parse(f, args, 0, os.Stdout); err != nil {
		return nil, err
	}
	s.load = time.Duration(*seconds * float64(time.Second))
	if s.runs < 1 || s.load < time.Second || !s.real && !s.virtual {
		return nil, errors.New("want at least one run of at least a second, and real or virtual time; -h lists the flags")
	}
	var err error
	s.policies, err = measure.Choose(s.policies, policyName, only)
	return s, err
}

func policyName(p calibration.Policy) string { return p.Name }

// calibrate makes all runs and says whether every figure has passed.
func (s *settings) calibrate(ctx context.Context) (bool, error) {
	if err := s.build(ctx); err != nil {
		return false, err
	}
	var outcomes []*outcome
	for _, p := range s.policies {
		o, err := s.play(ctx, p)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.Name, err)
		}
		o.judge(s.load)
		o.print(os.Stdout)
		outcomes = append(outcomes, o)
		if err := s.write(outcomes); err != nil { // now, as a later policy may be interrupted
			return false, err
		}
	}
	summary(os.Stdout, outcomes)
	fmt.Printf("\nall figures: %s\n", s.path("calibration.json"))
	return !slices.ContainsFunc(outcomes, (*outcome).failed), nil
}
