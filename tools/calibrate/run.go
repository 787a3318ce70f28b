package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"isuride/bench/calibration"
	"isuride/bench/model"
	"isuride/bench/virtual"
	"isuride/bench/world"
	"isuride/tools/measure"
)

// virtualSeeds is the number of runs in virtual time. They cost little, so that their median is steady.
const virtualSeeds = 9

// A run is one of ours. CPU is of real time only.
type run struct {
	Seed       uint64             `json:"seed"`
	CPU        float64            `json:"cpu_seconds,omitempty"`    // of the whole process, user and system
	PerRequest float64            `json:"cpu_per_request,omitzero"` // microseconds
	Figures    calibration.Values `json:"figures"`
}

func (s *settings) path(name string) string { return filepath.Join(s.home, name) }

// play makes all runs of a policy.
func (s *settings) play(ctx context.Context, p calibration.Policy) (*outcome, error) {
	o := &outcome{Name: p.Name, policy: p}
	for i := range s.runs {
		if !s.real {
			break
		}
		r, problem, err := s.playReal(ctx, p, i)
		switch {
		case err != nil:
			return nil, err
		case problem != "":
			o.Problems = append(o.Problems, fmt.Sprintf("run %d: %s", i+1, problem))
		default:
			o.Real = append(o.Real, *r)
		}
	}
	if s.virtual {
		return o, s.playVirtual(ctx, o)
	}
	return o, nil
}

// playReal makes one run against a server of its own: initialize does not reset it. The server is correct, so a run that
// the bench complains about is none, but a problem.
func (s *settings) playReal(ctx context.Context, p calibration.Policy, i int) (_ *run, problem string, _ error) {
	server, err := s.startServer(ctx, p)
	if err != nil {
		return nil, "", err
	}
	defer server.Kill()
	seed, name := uint64(i+1), fmt.Sprintf("%s-%d", p.Name, i+1)
	done := measure.Progress(os.Stderr, fmt.Sprintf("%s, run %d of %d", p.Name, i+1, s.runs))
	defer done()
	r, cpu, err := measure.Bench(ctx, s.path("bench"), s.path(name+".json"), "-target", "http://"+serverAddress, "-s", "-skip-data-check",
		"-t", strconv.FormatFloat(s.load.Seconds(), 'f', -1, 64), "-seed", strconv.FormatUint(seed, 10))
	if err != nil {
		return nil, "", err
	}
	if !r.Passed || r.ErrorCount > 0 {
		return nil, fmt.Sprintf("%s, %d errors; see %s", r.Verdict(), r.ErrorCount, s.path(name+".json")), nil
	}
	return &run{Seed: seed, CPU: cpu.Seconds(), PerRequest: 1e6 * cpu.Seconds() / float64(r.AllRequests()), Figures: calibration.OfLive(&r.Result)}, "", nil
}

// playVirtual adds the runs in virtual time.
func (s *settings) playVirtual(ctx context.Context, o *outcome) error {
	defer measure.Progress(os.Stderr, fmt.Sprintf("%s, %d runs in virtual time", o.Name, virtualSeeds))()
	runtime.GC() // or the first run would pay for what was before
	begun := time.Now()
	for seed := uint64(1); seed <= virtualSeeds; seed++ {
		if ctx.Err() != nil {
			return measure.ErrInterrupted
		}
		c := o.policy.Model
		c.Seed = seed
		r, err := virtual.Run(virtual.Config{World: world.Config{Seed: seed}, Load: world.Instant(s.load.Microseconds())}, model.New(c))
		if err == nil {
			err = r.Fatal
		}
		if err != nil {
			return fmt.Errorf("virtual time, seed %d: %w", seed, err)
		}
		o.Virtual = append(o.Virtual, run{Seed: seed, Figures: calibration.OfVirtual(&r)})
	}
	o.Speed = virtualSeeds * s.load.Seconds() / time.Since(begun).Seconds()
	return nil
}
