package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"isuride/bench/live"
	"isuride/bench/world"
)

// ledger holds the flags about data that must survive a restart of the server.
type ledger struct {
	out   string
	check string
}

func (l *ledger) register(f *flag.FlagSet) {
	f.StringVar(&l.out, "ledger", "", "write what the application has acknowledged, a sample, to this `file` for --post-check; it has session tokens")
	f.StringVar(&l.check, "post-check", "", "without any load, ask the application, usually after a restart, whether it still knows what it acknowledged in the\nrun that wrote this `file` by --ledger; with --data, check the initial data too")
}

// postCheck runs --post-check.
func (l *ledger) postCheck(ctx context.Context, config live.Config, reporter *reporter) error {
	var acknowledged *world.Ledger
	err := readFile(l.check, "--post-check", func(r io.Reader) (err error) { acknowledged, err = live.ReadLedger(r); return err })
	if err != nil {
		return usage(err)
	}
	differences, err := live.PostCheck(ctx, config, acknowledged)
	for _, d := range differences {
		fmt.Println(d)
	}
	if n := len(differences); err == nil && n > 0 {
		err = fmt.Errorf("post-check: %d differences from what was acknowledged", n)
	}
	if err != nil {
		return errors.Join(err, reporter.send(message{Finished: true, Reason: err.Error()}))
	}
	fmt.Printf("post-check: %s are as acknowledged\n", contents(acknowledged))
	return reporter.send(message{Finished: true, Passed: true, Reason: "pass"})
}

// contents describes the size of a ledger.
func contents(l *world.Ledger) string {
	rides, open, chairs := 0, 0, 0
	for _, u := range l.Users {
		rides += len(u.Rides)
		if u.Open != nil {
			open++
		}
	}
	for _, o := range l.Owners {
		chairs += len(o.Chairs)
	}
	return fmt.Sprintf("%d completed rides and %d under way of %d users, and the sales and distances of %d chairs of %d owners",
		rides, open, len(l.Users), chairs, len(l.Owners))
}
