// Package revive interrupts what runs on the hosts, by a reboot, a restart of the services
// or a kill of the server, and waits until everything has come back by itself.
package revive

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"isuride/tools/ops/fleet/hostscript"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

//go:embed *.sh
var scripts embed.FS

// Interruption is a way to interrupt the hosts.
type Interruption struct {
	step   string
	script string          // its name
	roles  []topology.Role // of the hosts that it interrupts
	reboot bool
}

// Reboot is that of all hosts, all at once.
func Reboot() Interruption {
	return Interruption{step: "reboot", script: "reboot", roles: allRoles(), reboot: true}
}

// Restart is that of all services.
func Restart() Interruption {
	return Interruption{step: "restart the services", script: "restart", roles: allRoles()}
}

// Kill is that of the server, which gets no chance to write anything.
func Kill() Interruption {
	return Interruption{step: "kill the server", script: "kill", roles: []topology.Role{topology.App}}
}

func allRoles() []topology.Role {
	return []topology.Role{topology.DB, topology.App, topology.Witness, topology.Front, topology.Stream}
}

func (i Interruption) affects(h topology.Host) bool { return slices.ContainsFunc(i.roles, h.Has) }

// State is that of a host.
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
	out, err := r.LookAsRoot(ctx, h, "see what runs", hostscript.For(h, scripts, "state"))
	if err != nil {
		return State{}, err
	}
	return parse(out), nil
}

func parse(text string) State {
	var s State
	for key, value := range remote.Answers(text) {
		switch key {
		case "boot":
			s.boot = value
		case "unit":
			var u unit
			if n, _ := fmt.Sscan(value, &u.name, &u.active, &u.enabled, &u.pid); n == 4 {
				s.units = append(s.units, u)
			}
		case "health":
			s.health = value
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
	if h.Serves() && s.health != healthy {
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

// cameBack reports whether the host has gone through the interruption.
func (s State) cameBack(before State, i Interruption) bool {
	if i.reboot {
		return s.boot != before.boot
	}
	const server = "isuride-go.service"
	is := func(u unit) bool { return u.name == server }
	now, then := slices.IndexFunc(s.units, is), slices.IndexFunc(before.units, is)
	return now < 0 || then < 0 || s.units[now].pid != before.units[then].pid
}

// Interrupt interrupts the hosts and returns when all are well again. before has the states
// of the hosts, in their order. pause waits between two looks, and fails when there is no
// time left to wait.
func Interrupt(ctx context.Context, r *remote.Remote, t *topology.Topology, how Interruption, before []State, pause func(context.Context) error) error {
	for _, h := range inOrder(t, how) {
		if _, err := r.ChangeAsRoot(ctx, h, how.step, hostscript.For(h, scripts, how.script)); err != nil {
			return err
		}
	}
	for i, h := range t.Hosts {
		if r.DryRun || !how.affects(h) {
			continue
		}
		if err := await(ctx, r, h, how, before[i], pause); err != nil {
			return err
		}
	}
	return nil
}

// inOrder lists the hosts to interrupt, those first that serve others.
func inOrder(t *topology.Topology, how Interruption) []topology.Host {
	var list []topology.Host
	for _, role := range how.roles {
		for _, h := range t.With(role) {
			if !slices.ContainsFunc(list, func(other topology.Host) bool { return other.Name == h.Name }) {
				list = append(list, h)
			}
		}
	}
	return list
}

// lookBriefly is Look at a host that may go down at any moment and leave the connection
// open forever.
func lookBriefly(ctx context.Context, r *remote.Remote, h topology.Host) (State, error) {
	const limit = 10 * time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	return Look(ctx, r, h)
}

// errNotYet is why a host that answers well is not back yet.
var errNotYet = errors.New("it has not gone down yet")

func await(ctx context.Context, r *remote.Remote, h topology.Host, how Interruption, before State, pause func(context.Context) error) error {
	for {
		s, err := lookBriefly(ctx, r, h)
		if err == nil {
			err = s.Fault(h)
		}
		if err == nil && !s.cameBack(before, how) {
			err = errNotYet
		}
		if err == nil {
			return nil
		}
		if timeout := pause(ctx); timeout != nil {
			return &remote.Error{Host: h.Name, Step: how.step + " and come back", Err: fmt.Errorf("%w: %w", timeout, err)}
		}
	}
}

// Patience is a pause of a second, for as long as total altogether.
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
