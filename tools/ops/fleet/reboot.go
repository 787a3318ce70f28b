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

// rebootTest is the command reboot-test: a short run, an interruption of the hosts, and
// the question whether anything that was acknowledged is gone.
func rebootTest(ctx context.Context, f *fleet, args []string) error {
	var restart, kill bool
	var patience time.Duration
	t, err := newTrial(f, "reboot-test", 15, args, func(flags *flag.FlagSet) {
		flags.BoolVar(&restart, "restart", false, "restart the services instead of rebooting the hosts")
		flags.BoolVar(&kill, "kill", false, "kill the server at once instead of rebooting the hosts")
		flags.DurationVar(&patience, "wait", 5*time.Minute, "how `long` the hosts may take to come back")
	})
	if err != nil {
		return err
	}
	in := revive.Reboot()
	switch {
	case restart && kill:
		return errors.New("-restart and -kill exclude each other")
	case restart:
		in = revive.Restart()
	case kill:
		in = revive.Kill()
	}
	return t.survive(ctx, in, patience)
}

// survive makes the test. The interruption comes right after the load, when the most
// is under way.
func (t *trial) survive(ctx context.Context, in revive.Interruption, patience time.Duration) error {
	t.note = cmp.Or(t.note, "reboot-test")
	t.ledger = filepath.Join(t.generator.folder(t.id), "ledger.json")
	before, err := t.fit(ctx)
	if err != nil {
		return err
	}
	err = t.run(ctx, func(ctx context.Context) error {
		begin := time.Now()
		if err := revive.Interrupt(ctx, t.Remote, t.Topology, in, before, revive.Patience(patience)); err != nil || t.DryRun {
			return err
		}
		fmt.Fprintf(t.out, "all services are back after %s\n", time.Since(begin).Round(time.Second))
		return t.postCheck(ctx)
	})
	if err != nil || t.DryRun {
		return err
	}
	fmt.Fprintln(t.out, "reboot-test passed: everything came back by itself, and nothing that was acknowledged is gone")
	return nil
}

// postCheck asks for what was acknowledged.
func (t *trial) postCheck(ctx context.Context) error {
	args := slices.Concat([]string{"run", "-post-check", t.ledger, "-data", t.generator.data()}, t.route(), t.rest)
	if err := t.generator.bench(ctx, args); err != nil {
		return fmt.Errorf("something acknowledged is gone, or could not be asked for: %w", err)
	}
	return nil
}

// fit reads the states of the hosts. Only those in which everything runs, and would come
// back, are put to the test.
func (t *trial) fit(ctx context.Context) ([]revive.State, error) {
	states := make([]revive.State, len(t.Hosts))
	err := onAll(t.Hosts, func(i int, h topology.Host) (err error) {
		if states[i], err = revive.Look(ctx, t.Remote, h); err != nil {
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
