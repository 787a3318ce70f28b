package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"

	"isuride/bench/live"
)

// runCommand is "bench run".
func runCommand(ctx context.Context, args []string) error {
	s, err := parseRun(args, os.Stdout)
	if err != nil {
		return usage(err)
	}
	if s.seed == 0 {
		s.seed = rand.Uint64N(1<<32) + 1
	}
	config, err := s.config()
	if err != nil {
		return usage(err)
	}
	reporter, err := openReporter()
	if err != nil {
		return usage(err)
	}
	if s.onlyPost {
		return validate(ctx, config, reporter)
	}
	display := newDisplay(os.Stdout, s, reporter)
	config.Observer = display
	result, err := live.Run(ctx, config)
	if err != nil {
		return err
	}
	return s.conclude(display, reporter, result)
}

// usage marks an error as a fault of the settings.
func usage(err error) error {
	if err == errHelp {
		return err
	}
	return live.SetupError{Err: err}
}

// validate is --only-post-validation (spec 1.8 b).
func validate(ctx context.Context, config live.Config, reporter *reporter) error {
	err := live.Validate(ctx, config)
	if err == nil {
		fmt.Println("the initial data is as expected")
		return reporter.send(message{Finished: true, Passed: true, Reason: "pass"})
	}
	if sent := reporter.send(message{Finished: true, Reason: err.Error()}); sent != nil {
		return sent
	}
	return err
}

// conclude writes the result to wherever it is wanted.
func (s *settings) conclude(d *display, reporter *reporter, r *live.Result) error {
	d.summary(r)
	if s.out != "" {
		if err := writeJSON(s.out, r); err != nil {
			return err
		}
	}
	if err := reporter.send(finalMessage(r)); err != nil {
		return err
	}
	if s.failOnError && !r.Passed {
		return errFailed
	}
	return nil
}

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if name == "-" {
		_, err = os.Stdout.Write(b)
		return err
	}
	return os.WriteFile(name, b, 0o644)
}
