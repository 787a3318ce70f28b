// Command render draws a Grafana dashboard without Grafana: it evaluates the queries of
// every panel over a range of time and draws all panels, on the dashboard's own grid,
// into one self-contained file. The file name decides its type: .svg, or .html for a page
// with the same picture.
//
//	render -url http://127.0.0.1:9090 -last 15m dashboard.svg
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"isuride/tools/cli"
	"isuride/tools/ops/observability/grafana"
	"isuride/tools/ops/observability/prometheus"
)

func main() {
	switch err := run(cli.UntilInterrupted(), os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

// settings are the values of the flags.
type settings struct {
	dashboard string
	url       string
	span      span
	scrape    time.Duration
	note      string
	out       string
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args, time.Now())
	if err != nil {
		return err
	}
	file, err := os.Open(s.dashboard)
	if err != nil {
		return err
	}
	defer file.Close()
	dashboard, err := grafana.Read(file)
	if err != nil {
		return err
	}
	figures, err := fetch(ctx, prometheus.Client{URL: s.url}, dashboard, s.span, s.scrape)
	if err != nil {
		return err
	}
	picture := draw(dashboard, figures, s.span, s.note)
	if filepath.Ext(s.out) == ".html" {
		picture = page(dashboard.Title, picture)
	}
	return os.WriteFile(s.out, picture, 0o644)
}

func parse(args []string, now time.Time) (settings, error) {
	var s settings
	var from, to int64
	flags := flag.NewFlagSet("render", flag.ContinueOnError)
	flags.Usage = func() { explain(flags) }
	flags.StringVar(&s.dashboard, "dashboard", "tools/ops/observability/dashboard.json", "`file` of the dashboard")
	flags.StringVar(&s.url, "url", "http://127.0.0.1:9090", "of Prometheus")
	flags.DurationVar(&s.scrape, "scrape", 5*time.Second, "its scrape interval; rates are taken over four of them at least")
	flags.StringVar(&s.note, "note", "", "`text` beside the title")
	flags.Int64Var(&to, "to", now.Unix(), "the end, in `seconds` since 1970; by default now")
	flags.Int64Var(&from, "from", 0, "the beginning, in `seconds` since 1970; by default what -last says")
	last := flags.Duration("last", 15*time.Minute, "how long before the end the beginning is, without -from")
	if err := cli.Parse(flags, args, -1, os.Stdout); err != nil {
		return s, err
	}
	s.span.to = time.Unix(to, 0)
	s.span.from = s.span.to.Add(-*last)
	if from != 0 {
		s.span.from = time.Unix(from, 0)
	}
	s.out = flags.Arg(0)
	return s, s.check(flags.NArg())
}

func (s *settings) check(files int) error {
	ext := filepath.Ext(s.out)
	switch {
	case files != 1:
		return errors.New("name one file to write, .svg or .html")
	case ext != ".svg" && ext != ".html":
		return fmt.Errorf("%s: the name must end in .svg or .html", s.out)
	case s.scrape <= 0:
		return errors.New("-scrape must be positive")
	case !s.span.from.Before(s.span.to):
		return errors.New("the beginning is not before the end")
	}
	return nil
}

func explain(flags *flag.FlagSet) {
	io.WriteString(flags.Output(), "usage: render [flags] FILE.svg|FILE.html\n\n")
	flags.PrintDefaults()
}
