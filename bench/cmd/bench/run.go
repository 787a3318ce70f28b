package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"

	"isuride/bench/live"
	"isuride/bench/report"
)

// runCommand runs "bench run".
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
	if s.ledger.check != "" {
		return s.ledger.postCheck(ctx, config, reporter)
	}
	if s.onlyPost {
		return validate(ctx, config, reporter)
	}
	return s.repeat(ctx, config, reporter, live.Run)
}

// usage marks an error as one of the settings.
func usage(err error) error {
	if err == errHelp {
		return err
	}
	return live.SetupError{Err: err}
}

// validate runs --only-post-validation (B1.8 b).
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

// repeat makes as many runs as wanted. It stops after one that is interrupted or does not
// reach its load.
func (s *settings) repeat(ctx context.Context, config live.Config, reporter *reporter, run func(context.Context, live.Config) (*live.Result, error)) error {
	var records []*report.Record
	people := os.Stdout
	if s.out == none { // stdout has the record
		people = os.Stderr
	}
	failed, interrupted := false, false
	for i := range s.runs {
		config.Seed = s.seed + uint64(i)
		display := newDisplay(people, s, reporter, config.Seed)
		config.Observer = display
		result, runErr := run(ctx, config)
		if result == nil {
			return runErr
		}
		records = append(records, report.New(result, s.record))
		if err := errors.Join(runErr, s.conclude(display, reporter, records)); err != nil {
			return err
		}
		failed = failed || !result.Passed
		if interrupted = result.Interrupted; interrupted {
			break
		}
		debug.FreeOSMemory() // otherwise the next run begins with the memory of this one
	}
	if len(records) > 1 {
		fmt.Fprintln(people)
		if err := report.RepeatedText(people, records); err != nil && !gone(err) {
			return err
		}
	}
	s.tell(people, records)
	if interrupted || s.failOnError && failed {
		return errFailed
	}
	return nil
}

// conclude reports the last run. One that ended before the load has nothing to show but
// its error, and no message for the supervisor (B1.3).
func (s *settings) conclude(d *display, reporter *reporter, records []*report.Record) error {
	last := records[len(records)-1]
	if !last.Loaded() {
		return s.save(records)
	}
	shown := d.summary(last)
	if gone(shown) {
		shown = nil // the files have it all
	}
	return errors.Join(shown, s.save(records), reporter.send(finalMessage(&last.Result)))
}

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if name == none {
		_, err = os.Stdout.Write(b)
		return err
	}
	return os.WriteFile(name, b, 0o644)
}
