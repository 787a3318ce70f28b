package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/topology"
)

// healthLimit is how long services may take to become healthy. The server waits up to a
// minute for its database.
const healthLimit = 90 * time.Second

// deploy is the command deploy.
func deploy(flags *flag.FlagSet) action {
	wait := flags.Duration("wait", healthLimit, "how long the new release may take to become healthy before it is undone")
	programs := flags.String("programs", "", "deploy isuride and paymentmock of this `folder` instead of building them")
	return func(ctx context.Context, f *fleet, _ []string) error {
		if err := inProject(); err != nil {
			return err
		}
		held, facts, unlock, err := f.begin(ctx, f.topology.Hosts)
		if err != nil {
			return err
		}
		defer unlock()
		founder, err := release.CheckData(f.topology, facts)
		if err != nil {
			return err
		}
		if done, err := ensureSetup(held, f, facts); err != nil {
			return err
		} else if done {
			if facts, err = release.Look(held, f.remote, f.topology); err != nil {
				return err
			}
		}
		r, l, err := makeRelease(held, f, facts, *programs)
		if err != nil {
			return err
		}
		for _, h := range f.topology.Hosts {
			if err := r.Copy(held, f.remote, h); err != nil {
				return err
			}
		}
		c := release.NewChange(f.remote, l, f.out, facts, r.ID, *wait)
		c.Founder = founder
		if err := c.Prepare(held); err != nil {
			return err
		}
		// The server creates and updates its tables itself when it starts.
		if err := c.Do(held); err != nil {
			return err
		}
		return f.report(held, r.ID)
	}
}

// report says how a deploy or rollback has ended.
func (f *fleet) report(ctx context.Context, id string) error {
	if f.remote.DryRun {
		fmt.Fprintln(f.out, "nothing was changed")
		return nil
	}
	fmt.Fprintf(f.out, "release %s runs\n", id)
	return f.reportLeader(ctx)
}

// leaderLimit is how long a group may be without a leader before that counts as a fault; an
// election takes 0.3 s.
const leaderLimit = 10 * time.Second

// reportLeader says who leads a group.
func (f *fleet) reportLeader(ctx context.Context) error {
	if !f.topology.IsGroup() {
		return nil
	}
	leader, err := release.AwaitLeader(ctx, f.remote, f.topology, leaderLimit)
	if err != nil {
		return err
	}
	fmt.Fprintf(f.out, "%s leads\n", leader.Name)
	return nil
}

// makeRelease builds the programs for the hosts that have them and makes all files.
func makeRelease(ctx context.Context, f *fleet, facts map[string]release.Facts, programs string) (*release.Release, *layout.Layout, error) {
	s := release.Sources{Layout: newLayout(f, facts), Programs: map[string]string{}}
	for _, h := range f.topology.Hosts {
		machine := facts[h.Name].Machine
		if !h.HasProgram() || s.Programs[machine] != "" {
			continue
		}
		if s.Programs[machine] = programs; programs != "" {
			continue
		}
		fmt.Fprintln(f.out, "building")
		var err error
		if s.Programs[machine], err = build(ctx, machine, "./webapp/cmd/isuride", "./tools/dev/paymentmock"); err != nil {
			return nil, nil, err
		}
	}
	if _, err := os.Stat("webapp/public/index.html"); err == nil {
		s.Public, s.Layout.Public = "webapp/public", layout.Current+"/public"
	}
	for _, dump := range []string{"webapp/sql/3-initial-data.sql.gz", "webapp/sql/3-initial-data.sql"} {
		if _, err := os.Stat(dump); err == nil {
			s.Dump, s.Layout.Dump = dump, layout.Current+"/sql/"+filepath.Base(dump)
			break
		}
	}
	r, err := release.New(s, facts, time.Now())
	return r, s.Layout, err
}

// newLayout is the layout with what the hosts have already.
func newLayout(f *fleet, facts map[string]release.Facts) *layout.Layout {
	l := &layout.Layout{Topology: f.topology, Project: ".", Database: facts[f.topology.DB().Name].Database}
	if l.Database == "" {
		l.Database = "mariadb" // what setup installs; a dry run comes here without
	}
	app := facts[f.topology.App().Name]
	if app.Public {
		l.Public = layout.Webapp + "/public"
	}
	if app.Dump != "" {
		l.Dump = layout.Webapp + "/sql/" + app.Dump
	}
	return l
}

// begin locks the hosts that a change begins with, and looks at all. The context ends when
// the lock is lost.
func (f *fleet) begin(ctx context.Context, hosts []topology.Host) (held context.Context, facts map[string]release.Facts, unlock func(), err error) {
	held, unlock, err = release.Lock(ctx, f.remote, hosts, whoami())
	if err != nil {
		return nil, nil, nil, err
	}
	if facts, err = release.Look(held, f.remote, f.topology); err != nil {
		unlock()
		return nil, nil, nil, err
	}
	return held, facts, unlock, nil
}

// whoami is shown to others who find the hosts locked.
func whoami() string {
	name, host := "somebody", "somewhere"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}
