package main

import (
	"context"
	"flag"

	"isuride/tools/ops/fleet/release"
)

// rollback is the command rollback.
func rollback(ctx context.Context, f *fleet, args []string) error {
	flags := flag.NewFlagSet("rollback", flag.ContinueOnError)
	wait := flags.Duration("wait", healthLimit, "how long the release may take to become healthy before this is undone")
	to := flags.String("to", "", "`release` to go to, also \"original\", what was there before the first deploy")
	if err := f.parse(flags, args, 0, "usage: fleet rollback [-wait 90s] [-to RELEASE]"); err != nil {
		return err
	}
	held, facts, unlock, err := f.begin(ctx, f.Hosts)
	if err != nil {
		return err
	}
	defer unlock()
	target, err := release.Target(f.Topology, facts, *to)
	if err != nil {
		return err
	}
	if err := release.NewChange(f.Remote, newLayout(f, facts), f.out, facts, target, *wait).Do(held); err != nil {
		return err
	}
	f.report(target)
	return nil
}
