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
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"isuride/bench/calibration"
)

// settings are the flags.
type settings struct {
	load     time.Duration
	runs     int
	virtual  bool
	real     bool
	only     string
	source   string // of the calibration server
	home     string // where everything is built and written
	policies []calibration.Policy
}

func main() {
	// The processes that this one starts die with the thread that started them (see process.Command).
	runtime.LockOSThread()
	s, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	passed := false
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		passed, err = s.calibrate(ctx)
	}
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(2)
	case !passed:
		os.Exit(1)
	}
}

func parse(args []string) (*settings, error) {
	s := &settings{policies: calibration.Policies()}
	f := flag.NewFlagSet("calibrate", flag.ContinueOnError)
	seconds := f.Float64("t", calibration.Load.Seconds(), "`seconds` of load; the official figures are of 60, others are not compared with them")
	f.IntVar(&s.runs, "n", 1, "`number` of runs of each policy; their medians count, and scores of equal runs are 5 % apart")
	f.BoolVar(&s.virtual, "virtual", false, "run in virtual time, too")
	f.BoolVar(&s.real, "real", true, "run in real time")
	f.StringVar(&s.only, "only", "", "comma-separated `policies` instead of all: "+names(s.policies))
	f.StringVar(&s.source, "server", "../shared/calibration-server", "`folder` with the source of the calibration server")
	f.StringVar(&s.home, "home", ".run/calibrate", "`folder` for programs and records")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	s.load = time.Duration(*seconds * float64(time.Second))
	if f.NArg() > 0 || s.runs < 1 || s.load < time.Second || !s.real && !s.virtual {
		return nil, errors.New("want no arguments, at least one run of at least a second, and real or virtual time; -h lists the flags")
	}
	return s, s.choose()
}

func names(policies []calibration.Policy) string {
	var list []string
	for _, p := range policies {
		list = append(list, p.Name)
	}
	return strings.Join(list, ",")
}

// choose keeps the policies of -only.
func (s *settings) choose() error {
	if s.only == "" {
		return nil
	}
	var chosen []calibration.Policy
	for name := range strings.SplitSeq(s.only, ",") {
		i := slices.IndexFunc(s.policies, func(p calibration.Policy) bool { return p.Name == name })
		if i < 0 {
			return fmt.Errorf("no policy %q; there are %s", name, names(s.policies))
		}
		chosen = append(chosen, s.policies[i])
	}
	s.policies = chosen
	return nil
}

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
