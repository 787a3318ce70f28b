package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
	"isuride/tools/ops/fleet/watch"
)

// showWatch is the command watch. It changes nothing, so a dry run is no different.
func showWatch(flags *flag.FlagSet) action {
	local := flags.String("local", "", "watch this machine instead of the hosts, with a server whose internal listener has this `address`")
	asJSON := flags.Bool("json", false, "write an object of JSON a second instead of a page")
	return func(ctx context.Context, f *fleet, _ []string) error {
		var targets []watch.Target
		switch {
		case *local != "":
			if _, _, err := net.SplitHostPort(*local); err != nil {
				return fmt.Errorf("-local %s: %w; it is ISURIDE_INTERNAL of the server", *local, err)
			}
			targets = []watch.Target{localTarget(*local)}
		case f.topology == nil:
			return errors.New("there is no hosts file to watch the hosts of; -local ADDRESS watches a server on this machine")
		default:
			targets = hostTargets(f)
		}
		return view(ctx, targets, f.out, *asJSON)
	}
}

// view chooses the view that suits out.
func view(ctx context.Context, targets []watch.Target, out io.Writer, asJSON bool) error {
	terminal, _ := out.(*os.File)
	switch {
	case asJSON:
		return watch.Run(ctx, targets, watch.JSON{Out: out}, nil)
	case terminal == nil || !watch.IsTerminal(terminal):
		return watch.Run(ctx, targets, watch.Lines{Out: out}, nil)
	}
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	screen, err := watch.OpenScreen(terminal, os.Stdin, quit)
	if err != nil {
		return err
	}
	err = watch.Run(ctx, targets, screen, resized)
	return errors.Join(err, screen.Close())
}

func hostTargets(f *fleet) []watch.Target {
	var targets []watch.Target
	for _, h := range f.topology.Hosts {
		t := watch.Target{Name: h.Name, Roles: h.Roles, Stream: streamFrom(f.remote, h)}
		if h.Serves() {
			t.Metrics = layout.Internal
		}
		targets = append(targets, t)
	}
	return targets
}

// localTarget is this machine, with a shell in place of ssh.
func localTarget(address string) watch.Target {
	bash := &remote.Remote{Command: func(ctx context.Context, _ topology.Host, shell string) *exec.Cmd {
		return exec.CommandContext(ctx, "bash", "-c", shell)
	}}
	h := topology.Host{Name: "local"}
	return watch.Target{Name: h.Name, Roles: h.Roles, Metrics: address, Stream: streamFrom(bash, h)}
}

func streamFrom(r *remote.Remote, h topology.Host) watch.Stream {
	return func(ctx context.Context, script string, out io.Writer) error {
		return r.Stream(ctx, h, "watch it", script, out)
	}
}
