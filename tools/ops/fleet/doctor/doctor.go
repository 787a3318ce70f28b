// Package doctor finds what is wrong with the hosts, or soon will be. One script on each
// host gathers facts, a look from outside adds some, and pure functions make findings of
// them, each with what to do.
//
// It changes nothing.
package doctor

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"isuride/tools/ops/fleet/topology"
)

// Verdict says how bad a finding is.
type Verdict string

const (
	OK      Verdict = "ok"
	Warning Verdict = "warning"
	Bad     Verdict = "bad"
)

// Finding is the result of one check of one host.
type Finding struct {
	Host    string  `json:"host"`
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Figure  string  `json:"figure"`
	Advice  string  `json:"advice,omitempty"` // unless it is ok
}

// Hosts are all hosts and what is known of them.
type Hosts struct {
	*topology.Topology
	Facts   map[string]Facts // by host; one that did not answer has none
	Outside Facts            // see Probe
	Clients int              // connections of clients that the hosts must be able to hold
	Now     time.Time
}

// Examine makes all checks, host by host.
func Examine(p Hosts) []Finding {
	var all []Finding
	for _, h := range p.Hosts {
		facts, ok := p.Facts[h.Name]
		if !ok {
			continue // the caller, which asked it, knows why
		}
		e := &examination{Hosts: p, host: h, facts: facts}
		for _, check := range []func(*examination){clock, system, memory, disks, kernel, services, listeners} {
			check(e)
		}
		if h.Has(topology.Front) {
			front(e)
		}
		if h.Has(topology.Front) || h.Has(topology.TLS) {
			certificates(e)
		}
		if h.Serves() {
			server(e)
		}
		if h.Has(topology.DB) {
			database(e)
		}
		if h.Has(topology.Stream) {
			sink(e)
		}
		all = append(all, e.findings...)
	}
	return append(all, outside(p)...)
}

// examination is that of one host.
type examination struct {
	Hosts
	host     topology.Host
	facts    Facts
	findings []Finding
}

func (e *examination) add(check string, v Verdict, figure, advice string) {
	if v == OK {
		advice = ""
	}
	e.findings = append(e.findings, Finding{e.host.Name, check, v, figure, advice})
}

// demand is a check with two outcomes.
func (e *examination) demand(check string, fulfilled bool, otherwise Verdict, figure, advice string) {
	if fulfilled {
		otherwise = OK
	}
	e.add(check, otherwise, figure, advice)
}

// least checks that a fact is a number of at least so much; what cannot be read is a
// warning.
func (e *examination) least(check, key string, least float64, otherwise Verdict, advice string) {
	n, ok := e.facts.number(key)
	if !ok {
		e.unread(check, key)
		return
	}
	e.demand(check, n >= least, otherwise, fmt.Sprintf("%.0f, wanted %.0f or more", n, least), advice)
}

func (e *examination) unread(check, key string) {
	figure := "not known"
	if text := e.facts[key]; text != "" {
		figure = fmt.Sprintf("%q", text)
	}
	e.add(check, Warning, figure, "this could not be read on the host; look there by hand")
}

// Worst is the worst verdict.
func Worst(list []Finding) Verdict {
	worst := OK
	for _, f := range list {
		if f.Verdict == Bad || f.Verdict == Warning && worst == OK {
			worst = f.Verdict
		}
	}
	return worst
}

// Write prints findings, the worst last, where people look first, and how many there are
// of each sort.
func Write(w io.Writer, list []Finding) error {
	order := []Verdict{OK, Warning, Bad}
	count := make([]int, len(order))
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b Finding) int {
		return slices.Index(order, a.Verdict) - slices.Index(order, b.Verdict)
	})
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range sorted {
		count[slices.Index(order, f.Verdict)]++
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Verdict, f.Host, f.Check, strings.Join(strings.Fields(f.Figure), " "))
		if f.Advice != "" {
			fmt.Fprintf(t, "\t\t\t-> %s\n", f.Advice)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%d ok, %d warnings, %d bad\n", count[0], count[1], count[2])
	return err
}
