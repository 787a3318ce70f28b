package main

import (
	"context"
	"flag"
	"fmt"
	"slices"

	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/topology"
)

// promote is the command promote.
func promote(*flag.FlagSet) action {
	return func(ctx context.Context, f *fleet, args []string) error {
		to := ""
		if len(args) > 0 {
			to = args[0]
		}
		if err := f.canLead(to); err != nil {
			return err
		}
		held, unlock, err := release.Lock(ctx, f.remote, f.topology.With(topology.App), whoami())
		if err != nil {
			return err
		}
		defer unlock()
		leader, ok, err := release.Leader(held, f.remote, f.topology)
		switch {
		case err != nil:
			return err
		case !ok:
			return release.ErrNoLeader
		case leader.Name == to:
			fmt.Fprintf(f.out, "%s leads already\n", to)
			return nil
		}
		if _, err := release.HandOver(held, f.remote, leader, to); err != nil || f.remote.DryRun {
			return err
		}
		return f.reportLeader(held)
	}
}

// canLead refuses a host that cannot lead; "" is any that can.
func (f *fleet) canLead(name string) error {
	i := slices.IndexFunc(f.topology.Hosts, func(h topology.Host) bool { return h.Name == name })
	switch {
	case !f.topology.IsGroup():
		return fmt.Errorf("%s is alone: give the role app to more hosts, and there is a group whose servers can lead in turn", f.topology.App().Name)
	case name == "":
		return nil
	case i < 0:
		return fmt.Errorf("there is no host %q in the hosts file", name)
	case !f.topology.Hosts[i].Has(topology.App):
		return fmt.Errorf("%s does not have the role app, and so cannot lead", name)
	}
	return nil
}
