package release

import (
	"context"
	"fmt"
	"strings"
	"time"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// ServiceState is the state of one service of a host.
type ServiceState struct {
	Host    string    `json:"host"`
	Unit    string    `json:"unit"`
	State   string    `json:"state"` // as systemd calls it: active, failed, ...
	Since   time.Time `json:"since,omitzero"`
	PID     int       `json:"pid,omitempty"`
	Memory  int64     `json:"memory_bytes,omitempty"`
	Release string    `json:"release,omitempty"` // that runs on the host
	// Of a server of a group: whether it leads, and what it says of itself.
	Leads bool   `json:"leads,omitempty"`
	Says  string `json:"says,omitempty"`
}

// Status finds out what the services of the host do.
func Status(ctx context.Context, r *remote.Remote, l *layout.Layout, h topology.Host, f Facts) ([]ServiceState, error) {
	var units []string
	for _, s := range l.Services(h) {
		units = append(units, s.Unit)
	}
	const step = "ask for the state of the services"
	text, err := r.LookAsRoot(ctx, h, step, script("status", "units", strings.Join(units, " ")))
	if err != nil {
		return nil, err
	}
	var states []ServiceState
	for unit, value := range remote.Answers(text) {
		s := ServiceState{Host: h.Name, Unit: unit, Release: f.Current}
		var since int64
		if _, err := fmt.Sscan(value, &s.State, &s.PID, &s.Memory, &since); err != nil {
			return nil, &remote.Error{Host: h.Name, Step: step, Err: fmt.Errorf("the answer %q has another form", unit+" "+value)}
		}
		if since > 0 {
			s.Since = time.Unix(since, 0).UTC()
		}
		states = append(states, s)
	}
	if len(states) != len(units) {
		return nil, &remote.Error{Host: h.Name, Step: step, Err: fmt.Errorf("the answer %q is not about %s", text, strings.Join(units, ", "))}
	}
	if !l.IsGroup() || !h.Serves() {
		return states, nil
	}
	m, err := LookAtMember(ctx, r, h)
	for i := range states {
		if states[i].Unit == layout.Server {
			states[i].Leads, states[i].Says = m.Leads, m.Says
		}
	}
	return states, err
}

// Restart restarts the services of the hosts that take selects, in the order in which they
// need each other, and waits until they are healthy. Servers of a group are restarted one by one.
func Restart(ctx context.Context, r *remote.Remote, l *layout.Layout, take func(topology.Host, layout.Service) bool, wait time.Duration) error {
	for _, p := range layout.Phases() {
		restart := func(h topology.Host) error { return restart(ctx, r, l, h, p, take) }
		await := func(h topology.Host) error {
			if !p.On(h) {
				return nil
			}
			return AwaitHealth(ctx, r, l, h, p, "", wait)
		}
		if p == layout.App && l.IsGroup() {
			spared := func(h topology.Host) bool { return !take(h, layout.Service{Unit: layout.Server, Phase: p}) }
			if err := oneByOne(ctx, r, l.Topology, wait, spared, restart, await); err != nil {
				return err
			}
			continue
		}
		for _, h := range l.Hosts {
			if err := restart(h); err != nil {
				return err
			}
			if err := await(h); err != nil {
				return err
			}
		}
	}
	return nil
}

// restart restarts the services of a host in a phase.
func restart(ctx context.Context, r *remote.Remote, l *layout.Layout, h topology.Host, p layout.Phase, take func(topology.Host, layout.Service) bool) error {
	for _, s := range l.Services(h) {
		if s.Phase != p || !take(h, s) {
			continue
		}
		if _, err := r.ChangeAsRoot(ctx, h, "restart "+s.Unit, script("restart", "unit", s.Unit)); err != nil {
			return err
		}
	}
	return nil
}
