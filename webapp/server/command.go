package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"isuride/webapp/audit"
	"isuride/webapp/engine"
	"isuride/webapp/inspect"
	"isuride/webapp/internal/logging"
	"isuride/webapp/isuride"
	"isuride/webapp/restore"
	"isuride/webapp/sqlstore"
)

// commands are what the program does besides serving. Their output goes to standard
// output, what went wrong to standard error.
var commands = map[string]func(ctx context.Context, args []string) error{
	"audit":        runAudit,
	"check-config": runCheckConfig,
	"inspect":      runInspect,
	"member":       runMember,
	"restore":      runRestore,
	"sink":         runSink,
	"stream":       runStream,
}

// usageError is one of the arguments.
type usageError struct{ error }

// command runs one of the commands and returns the exit status. A signal ends its context,
// and with that whatever it may have begun; a second one ends the process.
func command(name string, run func(ctx context.Context, args []string) error, args []string) int {
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	err := run(ctx, args)
	var usage usageError
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp) || errors.Is(err, syscall.EPIPE): // the reader has closed the pipe
		return 0
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "isuride %s: %v\n", name, err)
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "isuride %s: %v\n", name, err)
	return exitFailed
}

const inspectHelp = `usage: isuride inspect [flags] [PATH]

Shows what a journal holds: a line for each event, and lines with # for what is to be
said of the journal itself. PATH is a journal's folder, the folder of one of its
generations, a segment, a snapshot or a data folder; without it the environment says where
the journal is, as for the server. Nothing is locked or changed, and no database is needed, so it may
run beside the server.

  -from POSITION|TIME  show what comes at and after it: 4711, or 2026-11-29T09:51:04.123Z
  -to POSITION|TIME    show what comes before and at it
  -ride ID             show what concerns a ride, with the reasons of its assignment
  -user ID             show what concerns a user and the user's rides
  -chair ID            show what concerns a chair, its rides, and those that it lost
  -json                print lines of JSON
  -secrets             print the tokens of sessions and payments, too

The status is 1 if the journal is damaged: what is whole is shown all the same.
`

func runInspect(_ context.Context, args []string) error {
	o, err := parseInspect(args, os.LookupEnv)
	if err != nil {
		return err
	}
	return inspect.Run(os.Stdout, o)
}

func parseInspect(args []string, lookup func(string) (string, bool)) (o inspect.Options, err error) {
	f := flag.NewFlagSet("isuride inspect", flag.ContinueOnError)
	momentFlag(f, "from", &o.From)
	momentFlag(f, "to", &o.To)
	f.StringVar(&o.Ride, "ride", "", "")
	f.StringVar(&o.User, "user", "", "")
	f.StringVar(&o.Chair, "chair", "", "")
	f.BoolVar(&o.JSON, "json", false, "")
	f.BoolVar(&o.Secrets, "secrets", false, "")
	if err := parseCommand(f, args, inspectHelp); err != nil {
		return o, err
	}
	given := 0
	for _, id := range []string{o.Ride, o.User, o.Chair} {
		if id != "" {
			given++
		}
	}
	switch {
	case given > 1:
		return o, usageError{errors.New("only one of -ride, -user and -chair can be given")}
	case f.NArg() > 1:
		return o, usageError{fmt.Errorf("unexpected argument %q; flags come before the path", f.Arg(1))}
	}
	if o.Path = f.Arg(0); o.Path == "" {
		o.Path = journalFolder(lookup)
	}
	return o, nil
}

const restoreHelp = `usage: isuride restore -to POSITION|TIME -db COPY -into NEW [-journal FOLDER]

Makes the data as it was at a position or a time, from an older copy of the database and
the journal with the events since. "isuride inspect" finds the position. The result has an
identity of its own, and never goes with the old journal.

  -to POSITION|TIME  the last event that the result has: 4711; or the last before any that
                     is later than 2026-11-29T09:51:04.123Z
  -db COPY           the copy: a SQLite file, which is only read; or, if ISUCON_DB_*
                     variables are set, the name of a database on that server, whose schema
                     is brought up to date. No server may be using it
  -into NEW          what is made: a data folder that is not there; or the name of a database
                     that is empty or not there
  -journal FOLDER    the journal, which is only read, also beside its server; without it
                     the one that the environment names, as for the server
`

func runRestore(ctx context.Context, args []string) error {
	o, err := parseRestore(args, os.LookupEnv)
	if err != nil {
		return err
	}
	o.Tell = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	o.Log = logging.New(os.Stderr, logging.Text).Logger
	return restore.Run(ctx, o)
}

func parseRestore(args []string, lookup func(string) (string, bool)) (o restore.Options, err error) {
	f := flag.NewFlagSet("isuride restore", flag.ContinueOnError)
	var to *isuride.Moment
	momentFlag(f, "to", &to)
	db := f.String("db", "", "")
	f.StringVar(&o.Into, "into", "", "")
	f.StringVar(&o.Journal, "journal", journalFolder(lookup), "")
	if err := parseCommand(f, args, restoreHelp); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, usageError{fmt.Errorf("unexpected argument %q; isuride restore -h lists the flags", f.Arg(0))}
	case to == nil || *db == "" || o.Into == "":
		return o, usageError{errors.New("-to, -db and -into are needed; isuride restore -h explains them")}
	}
	e := environment{lookup: lookup}
	o.To, o.Copy = *to, e.database("")
	if len(e.errs) > 0 {
		return o, usageError{errors.New(e.errs[0])}
	}
	if o.Copy.Dialect == sqlstore.MySQL {
		o.Copy.Name = *db
		return o, nil
	}
	o.Copy.Path = *db
	if info, err := os.Stat(*db); err == nil && info.IsDir() { // a data folder
		o.Copy.Path = filepath.Join(*db, restore.DatabaseName)
	}
	return o, nil
}

const auditHelp = `usage: isuride audit [-gateway URL|database] [-journal FOLDER]

Compares, while the server is stopped, the journal with its snapshots, the database that the
environment names, and the payment gateway. It changes nothing. The status is 1 at the first
difference, which is told in one sentence.

  -gateway URL|database  ask the payment gateway, too, at an address or the one that the
                         database has; one call for each user who has paid
  -journal FOLDER        the journal; without it the one that the environment names, as for
                         the server
`

func runAudit(ctx context.Context, args []string) error {
	o, err := parseAudit(args, os.LookupEnv)
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.Journal); err == nil { // a server that begins meanwhile would move what is read
		folder, err := engine.LockFolder(o.Journal)
		if err != nil {
			return err
		}
		defer folder.Close()
	}
	o.Tell = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	o.Log = logging.New(os.Stderr, logging.Text).Logger
	return audit.Run(ctx, o)
}

func parseAudit(args []string, lookup func(string) (string, bool)) (o audit.Options, err error) {
	f := flag.NewFlagSet("isuride audit", flag.ContinueOnError)
	f.StringVar(&o.Gateway, "gateway", "", "")
	f.StringVar(&o.Journal, "journal", journalFolder(lookup), "")
	if err := parseCommand(f, args, auditHelp); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, usageError{fmt.Errorf("unexpected argument %q; isuride audit -h lists the flags", f.Arg(0))}
	}
	e := environment{lookup: lookup}
	o.DB = e.database(e.get("ISURIDE_DATA", defaultData))
	if len(e.errs) > 0 {
		return o, usageError{errors.New(e.errs[0])}
	}
	return o, nil
}

// parseCommand prints the help if that is asked for.
func parseCommand(f *flag.FlagSet, args []string, help string) error {
	err := parseFlags(f, args)
	switch {
	case err == nil:
		return nil
	case err == flag.ErrHelp:
		fmt.Print(help)
		return err
	}
	return usageError{err}
}

func momentFlag(f *flag.FlagSet, name string, to **isuride.Moment) {
	f.Func(name, "", func(text string) error {
		m, err := isuride.ParseMoment(text)
		*to = &m
		return err
	})
}

// journalFolder is where a server with this environment has its journal.
func journalFolder(lookup func(string) (string, bool)) string {
	e := environment{lookup: lookup}
	return e.journal(e.get("ISURIDE_DATA", defaultData))
}

const defaultData = "isuride-data"

func (e *environment) journal(data string) string {
	return e.get("ISURIDE_JOURNAL", filepath.Join(data, "journal"))
}
