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

	"isuride/bench/nearest"
	"isuride/tools/cli"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
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
	ctx, stop := signal.NotifyContext(context.Background(), ends()...)
	defer stop()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// ends are the signals that end a command in good order. A HUP that nohup has ignored stays so.
func ends() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	}
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
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
	switch err := cli.Parse(flags, args, -1, out); {
	case errors.Is(err, flag.ErrHelp):
		return ok
	case err != nil:
		fmt.Fprintln(complaints, "fleet:", err)
		return usage
	}
	flags.SetOutput(complaints)
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == flags.Arg(0) })
	if i < 0 {
		if name := flags.Arg(0); name != "" {
			fmt.Fprintf(complaints, "fleet: unknown command %q%s\n", name, nearest.Meant(name, names(all)))
		}
		explain(flags)
		return usage
	}
	f := &fleet{nil, &remote.Remote{DryRun: *dry, Out: out, Options: sshOptions(*sshConfig)}, out}
	if asksForHelp(flags.Args()[1:]) { // which needs no hosts
		f.Topology = new(topology.Topology)
		return f.end(all[i].run(ctx, f, flags.Args()[1:]), complaints)
	}
	t, err := topology.ReadFile(*hosts)
	if err != nil && !(all[i].name == watchName && errors.Is(err, fs.ErrNotExist)) {
		fmt.Fprintln(complaints, "fleet:", err)
		return usage
	}
	f.Topology = t
	return f.end(all[i].run(ctx, f, flags.Args()[1:]), complaints)
}

// end says how a command went, and is the exit status.
func (f *fleet) end(err error, complaints io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return ok
	}
	fmt.Fprintln(complaints, "fleet:", err)
	return failed
}

// parse reads the flags of a command, which knows how it is used.
func (f *fleet) parse(flags *flag.FlagSet, args []string, most int, usage string) error {
	flags.Usage = func() {
		fmt.Fprintln(f.out, usage)
		flags.PrintDefaults()
	}
	err := cli.Parse(flags, args, most, f.out)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return fmt.Errorf("%w; %s", err, usage)
	}
	return err
}

func asksForHelp(args []string) bool {
	return len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help", "--h"}, args[0])
}

func names(all []command) []string {
	var list []string
	for _, c := range all {
		list = append(list, c.name)
	}
	return list
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
