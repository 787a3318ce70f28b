package main

import (
	"context"
	"flag"

	"isuride/tools/ops/fleet/release"
)

// rollback is the command rollback.
func rollback(flags *flag.FlagSet) action {
	wait := flags.Duration("wait", healthLimit, "how long the release may take to become healthy before this is undone")
	to := flags.String("to", "", "`release` to go to, also \"original\", what was there before the first deploy")
	return func(ctx context.Context, f *fleet, _ []string) error {
		held, facts, unlock, err := f.begin(ctx, f.topology.Hosts)
		if err != nil {
			return err
		}
		defer unlock()
		if _, err := release.CheckData(f.topology, facts); err != nil {
			return err
		}
		target, err := release.Target(f.topology, facts, *to)
		if err != nil {
			return err
		}
		if err := release.NewChange(f.remote, newLayout(f, facts), f.out, facts, target, *wait).Do(held); err != nil {
			return err
		}
		return f.report(held, target)
	}
}
