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
	"strings"
	"syscall"

	"isuride/bench/nearest"
	"isuride/tools/cli"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

// fleet is handed to every command.
type fleet struct {
	topology *topology.Topology // nil without a hosts file, see command.alone
	remote   *remote.Remote
	out      io.Writer
}

// command is an action of the program.
type command struct {
	name  string
	does  string
	usage string // of what follows the name
	most  int    // arguments after the flags; -1 is any number
	alone bool   // works without a hosts file, too
	// define adds the command's flags, and returns what runs it once they are read.
	define func(*flag.FlagSet) action
}

// action runs a command with the arguments that follow its flags.
type action func(ctx context.Context, f *fleet, args []string) error

func commands() []command {
	const trial = "[flags] [-- flags of bench run]"
	return []command{
		{name: "setup", does: "install and prepare what releases need; deploy does so by itself", define: setUp},
		{name: "deploy", does: "build, copy what changed, restart, wait until healthy, undo if not", define: deploy, usage: "[-wait 90s] [-programs FOLDER]"},
		{name: "rollback", does: "go back to the release that ran before", define: rollback, usage: "[-wait 90s] [-to RELEASE]"},
		{name: "restart", does: "restart services in order and wait until they are healthy", define: restart, usage: "[-wait 90s] [-hosts NAME,...] [UNIT...]", most: -1},
		{name: "promote", does: "have another server of the group lead", define: promote, usage: "[NAME]", most: 1},
		{name: "status", does: "show services and releases", define: status, usage: "[-json]"},
		{name: "logs", does: "show, empty, fetch and switch the logs", define: showLogs, usage: logsUsage, most: -1},
		{name: "bench", does: "run the benchmarker, keep logs, profile and score", define: benchmark, usage: trial, most: -1},
		{name: "reboot-test", does: "reboot all hosts and ask for what was acknowledged", define: rebootTest, usage: trial, most: -1},
		{name: "doctor", does: "look for what is wrong, or soon will be", define: diagnose, usage: "[-json] [-clients N]"},
		{name: "watch", does: "show what the hosts and the server do, every second", define: showWatch, usage: "[-json] [-local ADDRESS]; q ends it", alone: true},
	}
}

// parse reads what follows the command's name. Help goes to out.
func (c command) parse(args []string, out io.Writer) (run func(context.Context, *fleet) error, err error) {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	act := c.define(flags)
	usage := strings.TrimSpace("usage: fleet " + c.name + " " + c.usage)
	flags.Usage = func() {
		fmt.Fprintln(out, usage)
		flags.PrintDefaults()
	}
	err = cli.Parse(flags, args, c.most, out)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		err = fmt.Errorf("%w; %s", err, usage)
	}
	return func(ctx context.Context, f *fleet) error { return act(ctx, f, flags.Args()) }, err
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
	file := flags.String("hosts", "scripts/hosts", "the hosts `file`")
	dry := flags.Bool("dry-run", false, "only say what would be done")
	sshConfig := flags.String("ssh-config", "", "`file` with the configuration of ssh, instead of the user's own")
	flags.Usage = func() { explain(flags) }
	complain := func(err error, status int) int {
		fmt.Fprintln(complaints, "fleet:", err)
		return status
	}
	switch err := cli.Parse(flags, args, -1, out); {
	case errors.Is(err, flag.ErrHelp):
		return ok
	case err != nil:
		return complain(err, usage)
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
	act, err := all[i].parse(flags.Args()[1:], out)
	if errors.Is(err, flag.ErrHelp) {
		return ok
	}
	if err != nil {
		return complain(err, usage)
	}
	hosts, err := topology.ReadFile(*file)
	if err != nil && !(all[i].alone && errors.Is(err, fs.ErrNotExist)) {
		return complain(err, usage)
	}
	r := &remote.Remote{DryRun: *dry, Out: out}
	if *sshConfig != "" {
		r.Options = []string{"-F", *sshConfig}
	}
	if err := act(ctx, &fleet{topology: hosts, remote: r, out: out}); err != nil {
		return complain(err, failed)
	}
	return ok
}

func names(all []command) []string {
	var list []string
	for _, c := range all {
		list = append(list, c.name)
	}
	return list
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
