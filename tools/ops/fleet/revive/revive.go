// Package revive interrupts what runs on the hosts, by a reboot, a restart of the services
// or a kill of the server, and waits until everything has come back by itself.
package revive

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"isuride/tools/ops/fleet/hostscript"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

//go:embed state.sh
var stateScript string

//go:embed kill.sh
var killScript string

//go:embed restart.sh
var restartScript string

//go:embed reboot.sh
var rebootScript string

// Interruption is one way to interrupt the hosts.
type Interruption struct {
	step   string
	script string
	roles  []topology.Role // of hosts that it affects
	reboot bool
}

// Reboot affects all hosts, all at once; Restart restarts all services; Kill ends the
// server at once.
func Reboot() Interruption  { return Interruption{"reboot", rebootScript, all(), true} }
func Restart() Interruption { return Interruption{"restart the services", restartScript, all(), false} }
func Kill() Interruption {
	return Interruption{"kill the server", killScript, []topology.Role{topology.App}, false}
}

func all() []topology.Role { return []topology.Role{topology.DB, topology.App, topology.Front} }

// affects says whether it happens to the host.
func (in Interruption) affects(h topology.Host) bool { return slices.ContainsFunc(in.roles, h.Has) }

// State is what runs on a host.
type State struct {
	boot   string
	units  []unit
	health string // of the server, an HTTP status; empty elsewhere
}

type unit struct {
	name, active, enabled, pid string
}

// Look reads the state of a host.
func Look(ctx context.Context, r *remote.Remote, h topology.Host) (State, error) {
	out, err := r.LookAsRoot(ctx, h, "see what runs", hostscript.For(h, stateScript))
	if err != nil {
		return State{}, err
	}
	return parse(out), nil
}

func parse(text string) State {
	var s State
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && words[0] == "boot":
			s.boot = strings.Join(words[1:], " ")
		case len(words) == 5 && words[0] == "unit":
			s.units = append(s.units, unit{words[1], words[2], words[3], words[4]})
		case len(words) == 2 && words[0] == "health":
			s.health = words[1]
		}
	}
	return s
}

// healthy is the status of a server that serves.
const healthy = "200"

// Fault is why the host is not as it should be, nil if it is.
func (s State) Fault(h topology.Host) error {
	if len(s.units) == 0 {
		return errors.New("it does not say which services it has")
	}
	for _, u := range s.units {
		if u.active != "active" {
			return fmt.Errorf("%s is %s; journalctl -u %s says why", u.name, u.active, u.name)
		}
	}
	if h.Has(topology.App) && s.health != healthy {
		return fmt.Errorf("the server's health is %s; journalctl -u isuride-go.service may say why", s.health)
	}
	return nil
}

// Absent is a service that would not come back after a reboot, empty if all would.
func (s State) Absent() string {
	i := slices.IndexFunc(s.units, func(u unit) bool { return u.enabled != "enabled" })
	if i < 0 {
		return ""
	}
	return s.units[i].name
}

// again says whether the host has gone through the interruption.
func (s State) again(before State, in Interruption) bool {
	if in.reboot {
		return s.boot != before.boot
	}
	const server = "isuride-go.service"
	is := func(u unit) bool { return u.name == server }
	i, j := slices.IndexFunc(s.units, is), slices.IndexFunc(before.units, is)
	return i < 0 || j < 0 || s.units[i].pid != before.units[j].pid
}

// Interrupt interrupts the hosts and returns when all are well again. before has the states
// of the hosts, in their order. pause waits between two looks, and fails when the
// caller has waited long enough.
func Interrupt(ctx context.Context, r *remote.Remote, t *topology.Topology, in Interruption, before []State, pause func(context.Context) error) error {
	for _, h := range inOrder(t, in) {
		if _, err := r.ChangeAsRoot(ctx, h, in.step, hostscript.For(h, in.script)); err != nil {
			return err
		}
	}
	for i, h := range t.Hosts {
		if r.DryRun || !in.affects(h) {
			continue
		}
		if err := await(ctx, r, h, in, before[i], pause); err != nil {
			return err
		}
	}
	return nil
}

// inOrder lists the hosts to interrupt, those first that serve others.
func inOrder(t *topology.Topology, in Interruption) []topology.Host {
	var list []topology.Host
	for _, role := range in.roles {
		for _, h := range t.With(role) {
			if !slices.ContainsFunc(list, func(other topology.Host) bool { return other.Name == h.Name }) {
				list = append(list, h)
			}
		}
	}
	return list
}

// glance is Look at a host that may go down at any moment and leave the connection
// without an end.
func glance(ctx context.Context, r *remote.Remote, h topology.Host) (State, error) {
	const limit = 10 * time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	return Look(ctx, r, h)
}

// errStill is why a host is not back yet when it answers.
var errStill = errors.New("it has not gone down yet")

func await(ctx context.Context, r *remote.Remote, h topology.Host, in Interruption, before State, pause func(context.Context) error) error {
	for {
		s, err := glance(ctx, r, h)
		if err == nil {
			err = s.Fault(h)
		}
		if err == nil && !s.again(before, in) {
			err = errStill
		}
		if err == nil {
			return nil
		}
		if timeout := pause(ctx); timeout != nil {
			return &remote.Error{Host: h.Name, Step: in.step + " and come back", Err: fmt.Errorf("%w: %w", timeout, err)}
		}
	}
}

// Patience is a pause of a second, for so long all in all.
func Patience(total time.Duration) func(context.Context) error {
	end := time.Now().Add(total)
	return func(ctx context.Context) error {
		if time.Now().After(end) {
			return fmt.Errorf("not within %s", total)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
			return nil
		}
	}
}
