// Command observability draws this folder's dashboard without Grafana: it queries a
// Prometheus for the values of every panel and draws all panels into one SVG file.
//
//	observability -url http://127.0.0.1:9090 -last 15m dashboard.svg
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"isuride/tools/cli"
)

func main() {
	switch err := run(cli.UntilInterrupted(), os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "observability:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("observability", flag.ContinueOnError)
	url := flags.String("url", "http://127.0.0.1:9090", "of Prometheus")
	scrape := flags.Duration("scrape", 5*time.Second, "its scrape interval; rates are taken over at least four of them")
	note := flags.String("note", "", "`text` beside the title")
	to := flags.Int64("to", time.Now().Unix(), "the end, in `seconds` since 1970; by default now")
	last := flags.Duration("last", 15*time.Minute, "how long before the end the picture begins")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "usage: observability [flags] FILE.svg\n\n")
		flags.PrintDefaults()
	}
	if err := cli.Parse(flags, args, -1, os.Stdout); err != nil {
		return err
	}
	end := time.Unix(*to, 0)
	s := span{end.Add(-*last), end, *scrape}
	switch {
	case flags.NArg() != 1 || filepath.Ext(flags.Arg(0)) != ".svg":
		return errors.New("name one file to write, .svg")
	case *scrape <= 0 || *last <= 0:
		return errors.New("-scrape and -last must be positive")
	}
	d, err := readDashboard()
	if err != nil {
		return err
	}
	picture, err := d.draw(ctx, prometheus(*url), s, *note)
	if err != nil {
		return err
	}
	return os.WriteFile(flags.Arg(0), picture, 0o644)
}
