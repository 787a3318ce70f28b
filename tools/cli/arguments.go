// Package cli gives all tools the same command line. Help goes to standard output and is
// not a failure. A misspelt flag is an error that suggests the nearest valid one, before
// anything is done. A long-running tool ends on the user's signals and when its terminal
// closes, but not because the reader of its output has exited.
package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"isuride/bench/nearest"
)

// Parse reads the flags and allows at most this many arguments after them; -1 allows any
// number. If help is requested, it writes it to out and returns flag.ErrHelp.
func Parse(f *flag.FlagSet, args []string, most int, out io.Writer) error {
	usage := f.Usage
	f.Usage = func() {}
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	f.Usage = usage
	f.SetOutput(out)
	switch {
	case err == flag.ErrHelp:
		help(f)
		return err
	case err != nil:
		return fmt.Errorf("%w%s", err, meant(f, err))
	case most >= 0 && f.NArg() > most:
		return fmt.Errorf("unexpected argument %q", f.Arg(most))
	}
	return nil
}

func help(f *flag.FlagSet) {
	if f.Usage != nil {
		f.Usage()
		return
	}
	fmt.Fprintf(f.Output(), "usage: %s [flags]\n\n", f.Name())
	f.PrintDefaults()
}

func meant(f *flag.FlagSet, err error) string {
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return fmt.Sprintf(" (-h lists the flags of %s)", f.Name())
	}
	var names []string
	f.VisitAll(func(f *flag.Flag) { names = append(names, "-"+f.Name) })
	return nearest.Meant("-"+name, names) + fmt.Sprintf(" (-h lists the flags of %s)", f.Name())
}

// Main reads a program's flags, which are defined in flag.CommandLine. It ends the
// program after showing help or an error.
func Main(most int) {
	flag.CommandLine.Init(flag.CommandLine.Name(), flag.ContinueOnError)
	name := os.Args[0][strings.LastIndex(os.Args[0], "/")+1:]
	flag.CommandLine.Usage = func() {
		fmt.Fprintf(os.Stdout, "usage: %s [flags]\n\n", name)
		flag.PrintDefaults()
	}
	switch err := Parse(flag.CommandLine, os.Args[1:], most, os.Stdout); {
	case err == flag.ErrHelp:
		os.Exit(0)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
}
