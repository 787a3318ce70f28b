package main

import (
	"context"
	"flag"
	"time"
)

// benchmark is the command bench.
func benchmark(ctx context.Context, f *fleet, args []string) error {
	profile := true
	t, err := newTrial(f, "bench", 60, args, func(flags *flag.FlagSet) {
		flags.BoolVar(&profile, "profile", true, "take a CPU profile of the server in the middle third of the load")
	})
	if err != nil {
		return err
	}
	if profile {
		const most = 30
		third := t.seconds / 3
		t.warm, t.profile = time.Duration(third)*time.Second, time.Duration(min(third, most))*time.Second
	}
	return t.run(ctx, func(context.Context) error { return nil })
}
