package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"isuride/bench/compare/official"
	"isuride/bench/model"
	"isuride/bench/virtual"
	"isuride/bench/world"
)

// virtualSeeds is the number of runs in virtual time. They cost little, so that their median
// is steady.
const virtualSeeds = 9

// naiveAddress is where the naive server listens.
const naiveAddress = "127.0.0.1:18095"

type calibrateSettings struct {
	trial
	virtual  bool
	real     bool
	policies []official.Policy
}

// A calibrateRun is one of ours. CPU is of real time only.
type calibrateRun struct {
	Seed       int             `json:"seed"`
	CPU        float64         `json:"cpu_seconds,omitempty"`    // of the whole process, user and system
	PerRequest float64         `json:"cpu_per_request,omitzero"` // microseconds
	Figures    official.Values `json:"figures"`
}

func policyName(p official.Policy) string { return p.Name }

func parseCalibrate(args []string, out io.Writer) (*calibrateSettings, error) {
	s := &calibrateSettings{trial: trial{runs: 1}}
	f := flags("calibrate", out)
	f.BoolVar(&s.virtual, "virtual", false, "run in virtual time, too")
	f.BoolVar(&s.real, "real", true, "run in real time")
	all := official.Policies()
	only := f.String("only", "", "comma-separated `policies` instead of all: "+strings.Join(names(all, policyName), ","))
	if err := s.parse(f, args, "runs of each policy", ".run/calibrate"); err != nil {
		return nil, err
	}
	if !s.real && !s.virtual {
		return nil, errors.New("want real or virtual time; -h lists the flags")
	}
	var err error
	s.policies, err = choose(all, policyName, *only)
	return s, err
}

// runCalibrate runs the bench against the naive server under all policies of the official
// benchmarker's runs, and prints its figures beside the official ones. With -virtual it makes
// the same runs in virtual time as well.
func runCalibrate(ctx context.Context, args []string, out io.Writer) (passed bool, err error) {
	s, err := parseCalibrate(args, out)
	if err != nil {
		return false, err
	}
	if s.real {
		err = s.build(ctx, "./bench/naive", "./bench/cmd/bench")
	} else {
		err = os.MkdirAll(s.home, 0o755)
	}
	if err != nil {
		return false, err
	}
	var list []*calibration
	for _, p := range s.policies {
		c, err := s.play(ctx, p)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.Name, err)
		}
		c.judge(s.seconds)
		c.print(out)
		list = append(list, c)
		if err := s.write(list); err != nil { // now, as a later policy may be interrupted
			return false, err
		}
	}
	summary(out, list)
	fmt.Fprintf(out, "\nall figures: %s\n", s.path("calibration.json"))
	return !slices.ContainsFunc(list, (*calibration).failed), nil
}

// play makes all runs of a policy.
func (s *calibrateSettings) play(ctx context.Context, p official.Policy) (*calibration, error) {
	c := &calibration{Name: p.Name, policy: p}
	for i := 1; s.real && i <= s.runs; i++ {
		if err := s.playReal(ctx, c, i); err != nil {
			return nil, err
		}
	}
	if s.virtual {
		return c, s.playVirtual(ctx, c)
	}
	return c, nil
}

// playReal adds one run against a server of its own: initialize does not reset it. The server
// is correct, so a run that the bench complains about is none, but a problem.
func (s *calibrateSettings) playReal(ctx context.Context, c *calibration, seed int) error {
	args := slices.Concat(c.policy.Flags, []string{"-listen", naiveAddress})
	naive, err := listen(process(ctx, s.path("naive"), args...), "the naive server", naiveAddress, s.path(c.Name+".log"))
	if err != nil {
		return err
	}
	defer naive.end(syscall.SIGKILL)
	defer progress(fmt.Sprintf("%s, run %d of %d", c.Name, seed, s.runs))()
	file := fmt.Sprintf("%s-%d.json", c.Name, seed)
	r, cpu, err := s.bench(ctx, file, seed, "-target", "http://"+naiveAddress, "-s")
	switch {
	case err != nil:
		return err
	case !r.Passed || r.ErrorCount > 0:
		c.Problems = append(c.Problems, fmt.Sprintf("run %d: %s, %d errors; see %s", seed, r.Verdict(), r.ErrorCount, s.path(file)))
	default:
		c.Real = append(c.Real, calibrateRun{seed, cpu.Seconds(), 1e6 * cpu.Seconds() / float64(r.AllRequests()), official.OfLive(&r.Result)})
	}
	return nil
}

// playVirtual adds the runs in virtual time.
func (s *calibrateSettings) playVirtual(ctx context.Context, c *calibration) error {
	defer progress(fmt.Sprintf("%s, %d runs in virtual time", c.Name, virtualSeeds))()
	runtime.GC() // or the first run would pay for earlier ones
	begun := time.Now()
	for seed := 1; seed <= virtualSeeds; seed++ {
		if ctx.Err() != nil {
			return errInterrupted
		}
		m := c.policy.Model
		m.Seed = uint64(seed)
		r, err := virtual.Run(virtual.Config{World: world.Config{Seed: m.Seed}, Load: world.Instant(s.seconds * float64(world.Second))}, model.New(m))
		if err == nil {
			err = r.Fatal
		}
		if err != nil {
			return fmt.Errorf("virtual time, seed %d: %w", seed, err)
		}
		c.Virtual = append(c.Virtual, calibrateRun{Seed: seed, Figures: official.OfVirtual(&r)})
	}
	c.Speed = virtualSeeds * s.seconds / time.Since(begun).Seconds()
	return nil
}

// write makes the file for programs.
func (s *calibrateSettings) write(list []*calibration) error {
	b, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("calibration.json"), append(b, '\n'), 0o644)
}
