package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"isuride/webapp/engine"
	"isuride/webapp/internal/logging"
	"isuride/webapp/sqlstore"
)

const memberHelp = `usage: isuride member

Makes the data of a server without replicas those of the first member of a group. The
environment names them, as for the server, which was stopped by TERM before. Nothing is
lost: the journal of the server alone stays beside the log of the group.

Afterwards copy the folder in ISURIDE_DATA (and in ISURIDE_JOURNAL and ISURIDE_SQLITE, if
those are elsewhere) to the other servers of ISURIDE_REPLICAS, and start all of them;
webapp/docs/replication.md describes the variables.
`

func runMember(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("isuride member", flag.ContinueOnError)
	if err := parseCommand(f, args, memberHelp); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected argument %q; isuride member takes none", f.Arg(0))}
	}
	cfg, err := readConfig(withoutGroup(os.LookupEnv))
	if err != nil {
		return err
	}
	log := logging.New(os.Stderr, cfg.log)
	db, err := sqlstore.Open(ctx, cfg.db, log.Logger)
	if err != nil {
		return fmt.Errorf("%s: %w", databaseVariable(cfg.db.Dialect, err), err)
	}
	founded, err := engine.Found(ctx, db, engineConfig(cfg, nil, false, log.Logger))
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	fmt.Printf("%s is the log of a group now, behind event %d, with %d users; what was before is in %s\n", founded.Folder, founded.Position, founded.Users, founded.Before)
	fmt.Println("copy the data to the other servers of ISURIDE_REPLICAS, and start all of them")
	return nil
}

// withoutGroup hides the variables of the group, which the data are not yet of.
func withoutGroup(lookup func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if name == "ISURIDE_REPLICAS" || name == "ISURIDE_NODE" || name == "ISURIDE_LEADER_LISTEN" {
			return "", false
		}
		return lookup(name)
	}
}
