package main

import (
	"context"
	"flag"
	"time"
)

// benchmark is the command bench.
func benchmark(flags *flag.FlagSet) action {
	t := newTrial(flags, 60)
	profile := flags.Bool("profile", true, "take a CPU profile of the server in the middle third of the load")
	return func(ctx context.Context, f *fleet, rest []string) error {
		t.begin(f, rest)
		if *profile {
			const most = 30
			third := t.seconds / 3
			t.warm, t.profile = time.Duration(third)*time.Second, time.Duration(min(third, most))*time.Second
		}
		return t.run(ctx, func(context.Context) error { return nil })
	}
}
