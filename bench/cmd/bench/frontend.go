package main

import (
	"context"
	"errors"
	"flag"
	"os"

	"isuride/bench/frontend"
)

const frontendPurpose = `Makes up the files of the contest's front end, where the real ones are absent: as many, at
the same paths, of plausible sizes, the same each time. A server serves the folder (ours by
ISURIDE_STATIC), and bench run -static-list reads the list.`

// frontendCommand runs "bench frontend".
func frontendCommand(_ context.Context, args []string) error {
	f := flag.NewFlagSet("bench frontend", flag.ContinueOnError)
	folder := f.String("folder", "", "`folder` for the files; it is made if it does not exist")
	list := f.String("list", "", "`file` for the list of them")
	if err := parse(f, args, os.Stdout, frontendPurpose); err != nil {
		return usage(err)
	}
	if *folder == "" || *list == "" {
		return usage(errors.New("want -folder and -list"))
	}
	return frontend.Write(*folder, *list)
}
