package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"

	"isuride/bench/client"
	"isuride/bench/live"
)

// recordCommand runs "bench record-data".
func recordCommand(ctx context.Context, args []string) error {
	var s server
	f := flag.NewFlagSet("bench record-data", flag.ContinueOnError)
	s.register(f)
	accounts := f.String("accounts", "", "`file` with a line for each account: \"user TOKEN\" or \"owner TOKEN [SINCE UNTIL]\"")
	out := f.String("out", "-", "write the expected answers to this `file`; - is stdout")
	const purpose = "Asks a trusted server, which has just been initialized, about some accounts of its initial data,\nand writes its answers as a file for bench run --data."
	if err := parse(f, args, os.Stdout, purpose); err != nil {
		return usage(err)
	}
	if *accounts == "" {
		return usage(errors.New("name the accounts to ask about with --accounts"))
	}
	var asked []live.Account
	err := readFile(*accounts, "--accounts", func(r io.Reader) (err error) { asked, err = live.ReadAccounts(r); return err })
	if err != nil {
		return usage(err)
	}
	target, sources, dests, err := s.resolve()
	if err != nil {
		return usage(err)
	}
	newBrowser := func() *client.Browser { return client.NewBrowser(target, client.Routes(sources, dests)[0]) }
	checks, err := live.Record(ctx, newBrowser, asked)
	if err != nil {
		return err
	}
	return writeJSON(*out, checks)
}
