package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"time"

	"isuride/tools/ops/fleet/doctor"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// diagnose is the command doctor.
func diagnose(flags *flag.FlagSet) action {
	asJSON := flags.Bool("json", false, "write the findings as JSON")
	clients := flags.Int("clients", 10_000, "`connections` of clients that the hosts must be able to hold")
	return func(ctx context.Context, f *fleet, _ []string) error {
		p := doctor.Hosts{Topology: f.topology, Facts: map[string]doctor.Facts{}, Clients: *clients, Now: time.Now()}
		findings := gather(ctx, f, &p)
		p.Outside = doctor.Probe(ctx, f.topology)
		findings = append(findings, doctor.Examine(p)...)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.writeFindings(findings, *asJSON); err != nil {
			return err
		}
		if doctor.Worst(findings) == doctor.Bad {
			n := len(slices.DeleteFunc(slices.Clone(findings), func(finding doctor.Finding) bool { return finding.Verdict != doctor.Bad }))
			return fmt.Errorf("bad findings: %d", n)
		}
		return nil
	}
}

// gather asks all hosts; one that does not answer is a finding.
func gather(ctx context.Context, f *fleet, p *doctor.Hosts) []doctor.Finding {
	facts := make([]doctor.Facts, len(f.topology.Hosts))
	failures := make([]error, len(f.topology.Hosts))
	_ = remote.OnAll(f.topology.Hosts, func(i int, h topology.Host) error {
		facts[i], failures[i] = doctor.Gather(ctx, f.remote, h)
		return nil
	})
	var silent []doctor.Finding
	for i, h := range f.topology.Hosts {
		if failures[i] == nil {
			p.Facts[h.Name] = facts[i]
			continue
		}
		silent = append(silent, doctor.Finding{Host: h.Name, Check: "ssh", Verdict: doctor.Bad, Figure: failures[i].Error(),
			Advice: "ssh " + h.Login + " has to work without a question, and sudo there without a password"})
	}
	return silent
}

func (f *fleet) writeFindings(list []doctor.Finding, asJSON bool) error {
	if !asJSON {
		return doctor.Write(f.out, list)
	}
	e := json.NewEncoder(f.out)
	e.SetIndent("", " ")
	return e.Encode(list)
}
