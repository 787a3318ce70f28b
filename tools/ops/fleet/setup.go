package main

import (
	"context"
	"flag"
	"os"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/release"
	"isuride/tools/ops/fleet/setup"
)

// setUp is the command setup.
func setUp(*flag.FlagSet) action {
	return func(ctx context.Context, f *fleet, _ []string) error {
		if err := inProject(); err != nil {
			return err
		}
		held, unlock, err := release.Lock(ctx, f.remote, f.topology.Hosts, whoami())
		if err != nil {
			return err
		}
		defer unlock()
		s, err := newSetup(f)
		if err != nil {
			return err
		}
		return s.Do(held)
	}
}

func newSetup(f *fleet) (*setup.Setup, error) {
	statements, err := os.ReadFile("sql/0-host.sql.template")
	if err != nil {
		return nil, err
	}
	return &setup.Setup{Remote: f.remote, Layout: &layout.Layout{Topology: f.topology}, Statements: string(statements)}, nil
}

// ensureSetup sets the hosts up if that was never done, or done in another way.
func ensureSetup(ctx context.Context, f *fleet, facts map[string]release.Facts) (done bool, err error) {
	s, err := newSetup(f)
	if err != nil {
		return false, err
	}
	for _, h := range f.topology.Hosts {
		if facts[h.Name].Setup != s.Fingerprint(h) {
			return true, s.Do(ctx)
		}
	}
	return false, nil
}
