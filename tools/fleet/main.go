// Command fleet runs ISURIDE on the hosts of a hosts file, one or many: it prepares them,
// deploys, and shows what they do. The actions behind `make` call it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"isuride/tools/fleet/remote"
	"isuride/tools/fleet/topology"
)

// fleet is what every command gets.
type fleet struct {
	*topology.Topology
	*remote.Remote
	out io.Writer
}

// command is an action of the program. Its flags are its own; args are what follows its
// name.
type command struct {
	name string
	does string
	run  func(ctx context.Context, f *fleet, args []string) error
}

func commands() []command {
	return []command{
		{"setup", "install and prepare what releases need; deploy does so by itself", setUp},
		{"deploy", "build, copy what changed, restart, wait until healthy, undo if not", deploy},
		{"rollback", "go back to the release that ran before", rollback},
		{"restart", "restart services in order and wait until they are healthy", restart},
		{"status", "show services and releases", status},
		{"logs", "show, empty, fetch and switch the logs", showLogs},
		{"bench", "run the benchmarker, keep logs, profile and score", benchmark},
		{"reboot-test", "reboot all hosts and ask for what was acknowledged", rebootTest},
		{"doctor", "look for what is wrong, or soon will be", examine},
		{watchName, "show what the hosts and the server do, every second", showWatch},
	}
}

func main() {
	// A terminal that closes, or a reader of the output that ends, must not leave a change
	// half done.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	ok     = 0
	failed = 1
	usage  = 2
)

func run(ctx context.Context, args []string, out, complaints io.Writer) int {
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.SetOutput(complaints)
	hosts := flags.String("hosts", "scripts/hosts", "the hosts `file`")
	dry := flags.Bool("dry-run", false, "only say what would be done")
	sshConfig := flags.String("ssh-config", "", "`file` with the configuration of ssh, instead of the user's own")
	flags.Usage = func() { explain(flags) }
	if err := flags.Parse(args); err != nil {
		return usage
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == flags.Arg(0) })
	if i < 0 {
		explain(flags)
		return usage
	}
	t, err := topology.ReadFile(*hosts)
	if err != nil && !(all[i].name == watchName && errors.Is(err, fs.ErrNotExist)) {
		fmt.Fprintln(complaints, "fleet:", err)
		return usage
	}
	f := &fleet{t, &remote.Remote{DryRun: *dry, Out: out, Options: sshOptions(*sshConfig)}, out}
	if err := all[i].run(ctx, f, flags.Args()[1:]); err != nil {
		fmt.Fprintln(complaints, "fleet:", err)
		return failed
	}
	return ok
}

func sshOptions(config string) []string {
	if config == "" {
		return nil
	}
	return []string{"-F", config}
}

func explain(flags *flag.FlagSet) {
	w := flags.Output()
	fmt.Fprintln(w, "usage: fleet [flags] command [arguments]")
	fmt.Fprintln(w)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-12s %s\n", c.name, c.does)
	}
	fmt.Fprintln(w)
	flags.PrintDefaults()
}
