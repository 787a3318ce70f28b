package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/topology"
)

// restart is the command restart.
func restart(flags *flag.FlagSet) action {
	wait := flags.Duration("wait", healthLimit, "how long services may take to become healthy")
	names := flags.String("hosts", "all", "`names` of the hosts, with commas between")
	return func(ctx context.Context, f *fleet, args []string) error {
		held, facts, unlock, err := f.begin(ctx, f.topology.With(topology.App))
		if err != nil {
			return err
		}
		defer unlock()
		l := newLayout(f, facts)
		take, err := selection(l, *names, args)
		if err != nil {
			return err
		}
		if err := release.Restart(held, f.remote, l, take, *wait); err != nil || f.remote.DryRun {
			return err
		}
		return f.reportLeader(held)
	}
}

// selection tells which services are meant: those of the hosts, "all" or names, and of
// these the units, all if there are none.
func selection(l *layout.Layout, names string, units []string) (func(topology.Host, layout.Service) bool, error) {
	var hosts []string
	for name := range strings.SplitSeq(names, ",") {
		if name != "all" && !slices.ContainsFunc(l.Hosts, func(h topology.Host) bool { return h.Name == name }) {
			return nil, fmt.Errorf("there is no host %q in the hosts file", name)
		}
		hosts = append(hosts, name)
	}
	all := slices.Contains(hosts, "all")
	take := func(h topology.Host, s layout.Service) bool {
		meant := len(units) == 0 || slices.Contains(units, s.Unit) || slices.Contains(units, strings.TrimSuffix(s.Unit, ".service"))
		return meant && (all || slices.Contains(hosts, h.Name))
	}
	for _, h := range l.Hosts {
		if slices.ContainsFunc(l.Services(h), func(s layout.Service) bool { return take(h, s) }) {
			return take, nil
		}
	}
	return nil, errors.New("none of these hosts has such a service; fleet status lists them")
}
