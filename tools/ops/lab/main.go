// Command lab is a laboratory on one machine: three hosts to deploy to, containers in
// which systemd boots, and one to come from. tools/ops/lab/README.md describes it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"isuride/bench/nearest"
	"isuride/tools/cli"
	"isuride/tools/ops/lab/cluster"
	"isuride/tools/ops/lab/scenario"
)

func main() {
	os.Exit(run(cli.UntilInterrupted(), os.Args[1:]))
}

// command is an action of the program.
type command struct {
	name, args, does string
	hidden           bool // only the laboratory itself calls it
	run              func(ctx context.Context, l *cluster.Lab, args []string) error
}

// Verbs that need something of their own.
const (
	execWord = "exec"
	testWord = "test"
)

func commands() []command {
	return []command{
		{name: "up", does: "make the hosts", run: up},
		{name: "down", does: "end them, with everything that runs in them", run: func(ctx context.Context, l *cluster.Lab, _ []string) error { return l.Down(ctx) }},
		{name: "status", does: "list the hosts", run: func(_ context.Context, l *cluster.Lab, _ []string) error { return l.Status(os.Stdout) }},
		{name: execWord, args: "HOST COMMAND...", does: "run a command as root in a host", run: execute},
		{name: "reboot", args: "HOST", does: "interrupt a host's power", run: onHost((*cluster.Lab).Reboot)},
		{name: "cut", args: "HOST", does: "disconnect its network", run: onHost((*cluster.Lab).Cut)},
		{name: "join", args: "HOST", does: "connect it again", run: onHost((*cluster.Lab).Join)},
		{name: testWord, args: "[-short] [-keep]", does: "play what happens to a team's hosts"},
		{name: cluster.KeepWord, hidden: true, run: func(ctx context.Context, l *cluster.Lab, _ []string) error { return l.Keep(ctx) }},
	}
}

func run(ctx context.Context, args []string) int {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	switch {
	case name == "-h" || name == "-help" || name == "--help":
		explain(os.Stdout, all)
		return 0
	case i < 0:
		if name != "" {
			fmt.Fprintf(os.Stderr, "lab: unknown command %q%s\n", name, nearest.Meant(name, names(all)))
		}
		explain(os.Stderr, all)
		return 2
	}
	flags := flag.NewFlagSet("lab "+name, flag.ContinueOnError)
	dir := flags.String("dir", ".run/lab", "`folder` of the laboratory")
	play := scenario.Scenario{Out: os.Stdout}
	if name == testWord {
		flags.BoolVar(&play.Short, "short", false, "leave out what takes long")
		flags.BoolVar(&play.Keep, "keep", false, "leave the hosts up")
	}
	switch err := cli.Parse(flags, args, -1, os.Stdout); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 2
	}
	if all[i].args == "" && flags.NArg() > 0 || name == testWord && flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "lab: %s: unexpected argument %q\n", name, flags.Arg(0))
		return 2
	}
	l, err := lab(*dir)
	if err == nil {
		if name == testWord {
			err = test(ctx, l, play)
		} else {
			err = all[i].run(ctx, l, flags.Args())
		}
	}
	var exit *exec.ExitError
	if name == execWord && errors.As(err, &exit) { // the command has said why
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	return 0
}

func names(all []command) []string {
	var list []string
	for _, c := range all {
		if !c.hidden {
			list = append(list, c.name)
		}
	}
	return list
}

func explain(w io.Writer, all []command) {
	fmt.Fprintln(w, "usage: lab COMMAND [-dir FOLDER] [arguments]")
	for _, c := range all {
		if !c.hidden {
			fmt.Fprintf(w, "  %-24s %s\n", c.name+" "+c.args, c.does)
		}
	}
}

func lab(dir string) (*cluster.Lab, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	return &cluster.Lab{Dir: dir, Program: program}, err
}

func up(ctx context.Context, l *cluster.Lab, _ []string) error {
	if err := l.Up(ctx); err != nil {
		return errors.Join(err, l.Down(context.WithoutCancel(ctx)))
	}
	fmt.Printf("the hosts are up; for instance: bin/lab exec bench ssh -F %s s1\n", l.SSHConfig())
	return l.Status(os.Stdout)
}

// test plays the scenario from the root of the checkout.
func test(ctx context.Context, l *cluster.Lab, play scenario.Scenario) error {
	play.Lab = l
	var err error
	if play.Project, err = os.Getwd(); err != nil {
		return err
	}
	return play.Play(ctx)
}

func onHost(do func(*cluster.Lab, context.Context, string) error) func(context.Context, *cluster.Lab, []string) error {
	return func(ctx context.Context, l *cluster.Lab, args []string) error {
		if len(args) != 1 {
			return errors.New("name one host")
		}
		return do(l, ctx, args[0])
	}
}

func execute(ctx context.Context, l *cluster.Lab, args []string) error {
	if len(args) < 2 {
		return errors.New("name a host and a command")
	}
	cmd, err := l.Exec(ctx, args[0], args[1:]...)
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
