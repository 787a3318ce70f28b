package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/revive"
	"isuride/tools/ops/fleet/topology"
)

// rebootTest is the command reboot-test: a short run, an interruption of the hosts, and the
// question whether anything that was acknowledged is gone.
func rebootTest(flags *flag.FlagSet) action {
	t := newTrial(flags, 15)
	restart := flags.Bool("restart", false, "restart the services instead of rebooting the hosts")
	kill := flags.Bool("kill", false, "kill the server at once instead of rebooting the hosts")
	patience := flags.Duration("wait", 5*time.Minute, "how `long` the hosts may take to come back")
	return func(ctx context.Context, f *fleet, rest []string) error {
		t.begin(f, rest)
		how := revive.Reboot()
		switch {
		case *restart && *kill:
			return errors.New("-restart and -kill exclude each other")
		case *restart:
			how = revive.Restart()
		case *kill:
			how = revive.Kill()
		}
		return t.survive(ctx, how, *patience)
	}
}

// survive makes the test. The interruption comes right after the load, when the most is
// under way.
func (t *trial) survive(ctx context.Context, how revive.Interruption, patience time.Duration) error {
	t.note = cmp.Or(t.note, "reboot-test")
	t.ledger = filepath.Join(t.generator.folder(t.id), "ledger.json")
	before, err := t.states(ctx)
	if err != nil {
		return err
	}
	err = t.run(ctx, func(ctx context.Context) error {
		begin := time.Now()
		if err := revive.Interrupt(ctx, t.fleet.remote, t.fleet.topology, how, before, revive.Patience(patience)); err != nil || t.fleet.remote.DryRun {
			return err
		}
		fmt.Fprintf(t.fleet.out, "all services are back after %s\n", time.Since(begin).Round(time.Second))
		return t.postCheck(ctx)
	})
	if err != nil || t.fleet.remote.DryRun {
		return err
	}
	fmt.Fprintln(t.fleet.out, "reboot-test passed: everything came back by itself, and nothing that was acknowledged is gone")
	return nil
}

// postCheck asks the server for what was acknowledged.
func (t *trial) postCheck(ctx context.Context) error {
	args := slices.Concat([]string{"run", "-post-check", t.ledger, "-data", t.generator.data()}, t.route(), t.rest)
	if err := t.generator.bench(ctx, args); err != nil {
		return fmt.Errorf("something acknowledged is gone, or could not be asked for: %w", err)
	}
	return nil
}

// states reads those of the hosts, and fails unless everything runs and would come back.
func (t *trial) states(ctx context.Context) ([]revive.State, error) {
	states := make([]revive.State, len(t.fleet.topology.Hosts))
	err := remote.OnAll(t.fleet.topology.Hosts, func(i int, h topology.Host) (err error) {
		if states[i], err = revive.Look(ctx, t.fleet.remote, h); err != nil {
			return err
		}
		const step = "be put to the test"
		if err := states[i].Fault(h); err != nil {
			return &remote.Error{Host: h.Name, Step: step, Err: err}
		}
		if unit := states[i].Absent(); unit != "" {
			return &remote.Error{Host: h.Name, Step: step, Err: fmt.Errorf("%s would not come back after a reboot: sudo systemctl enable %s", unit, strings.TrimSuffix(unit, ".service"))}
		}
		return nil
	})
	return states, err
}
