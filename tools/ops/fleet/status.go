package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// status is the command status.
func status(flags *flag.FlagSet) action {
	asJSON := flags.Bool("json", false, "for machines: a JSON list")
	return func(ctx context.Context, f *fleet, _ []string) error {
		lists := make([][]release.ServiceState, len(f.topology.Hosts))
		silent := remote.OnAll(f.topology.Hosts, func(i int, h topology.Host) error {
			facts, err := release.LookAt(ctx, f.remote, h)
			if err != nil {
				return err
			}
			l := newLayout(f, map[string]release.Facts{h.Name: facts})
			lists[i], err = release.Status(ctx, f.remote, l, h, facts)
			return err
		})
		states := slices.Concat(lists...)
		if *asJSON {
			return errors.Join(json.NewEncoder(f.out).Encode(states), silent)
		}
		w := tabwriter.NewWriter(f.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "host\tservice\tstate\tfor\tmemory\trelease")
		for _, s := range states {
			since := "-"
			if !s.Since.IsZero() {
				since = time.Since(s.Since).Round(time.Second).String()
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.0f MB\t%s\n", s.Host, s.Unit, s.State, since, float64(s.Memory)/1e6, s.Release)
		}
		return errors.Join(w.Flush(), silent, f.showGroup(states))
	}
}

// showGroup says what each server of a group is.
func (f *fleet) showGroup(states []release.ServiceState) (err error) {
	for _, s := range states {
		if s.Says == "" {
			continue
		}
		mark := " "
		if s.Leads {
			mark = "*"
		}
		_, wrong := fmt.Fprintf(f.out, "%s %s: %s\n", mark, s.Host, s.Says)
		err = errors.Join(err, wrong)
	}
	return err
}
