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
	return states, nil
}

// Restart restarts the services of the hosts that take selects, in the order in which they
// need each other, and waits until they are healthy.
func Restart(ctx context.Context, r *remote.Remote, l *layout.Layout, take func(topology.Host, layout.Service) bool, wait time.Duration) error {
	for _, p := range layout.Phases() {
		for _, h := range l.Hosts {
			for _, s := range l.Services(h) {
				if s.Phase != p || !take(h, s) {
					continue
				}
				if _, err := r.ChangeAsRoot(ctx, h, "restart "+s.Unit, script("restart", "unit", s.Unit)); err != nil {
					return err
				}
			}
			if p.On(h) {
				if err := AwaitHealth(ctx, r, l, h, p, "", wait); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
