package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"time"

	"isuride/tools/ops/fleet/doctor"
	"isuride/tools/ops/fleet/topology"
)

// examine is the command doctor.
func examine(ctx context.Context, f *fleet, args []string) error {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	machine := flags.Bool("json", false, "write the findings as JSON")
	clients := flags.Int("clients", 10_000, "`connections` of clients that the hosts have to bear")
	if err := f.parse(flags, args, 0, "usage: fleet doctor [-json] [-clients N]"); err != nil {
		return err
	}
	p := doctor.Hosts{Topology: f.Topology, Facts: map[string]doctor.Facts{}, Clients: *clients, Now: time.Now()}
	findings := gather(ctx, f, &p)
	p.Outside = doctor.Probe(ctx, f.Topology)
	findings = append(findings, doctor.Examine(p)...)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.writeFindings(findings, *machine); err != nil {
		return err
	}
	if doctor.Worst(findings) == doctor.Bad {
		n := len(slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Verdict != doctor.Bad }))
		return fmt.Errorf("bad findings: %d", n)
	}
	return nil
}

// gather asks all hosts; one that does not answer is a finding.
func gather(ctx context.Context, f *fleet, p *doctor.Hosts) []doctor.Finding {
	facts := make([]doctor.Facts, len(f.Hosts))
	failures := make([]error, len(f.Hosts))
	_ = onAll(f.Hosts, func(i int, h topology.Host) error {
		facts[i], failures[i] = doctor.Gather(ctx, f.Remote, h)
		return nil
	})
	var silent []doctor.Finding
	for i, h := range f.Hosts {
		if failures[i] == nil {
			p.Facts[h.Name] = facts[i]
			continue
		}
		silent = append(silent, doctor.Finding{Host: h.Name, Check: "ssh", Verdict: doctor.Bad, Figure: failures[i].Error(),
			Advice: "ssh " + h.Login + " has to work without a question, and sudo there without a password"})
	}
	return silent
}

func (f *fleet) writeFindings(list []doctor.Finding, machine bool) error {
	if !machine {
		return doctor.Write(f.out, list)
	}
	e := json.NewEncoder(f.out)
	e.SetIndent("", " ")
	return e.Encode(list)
}
