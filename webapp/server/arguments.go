package server

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"isuride/webapp/internal/nearest"
)

const help = `usage: isuride [-repair]
       isuride -version
       isuride check-config
       isuride inspect [flags] [PATH]
       isuride restore [flags]
       isuride member
       isuride audit [flags]
       isuride stream [flags]
       isuride sink [flags]

Isuride is the server. The environment configures it; webapp/docs/configuration.md lists
the variables.

  -repair  cut a corrupt journal where it is corrupt instead of refusing to start; what
           follows is lost
  -version say what this program was built from, and the version of its API

  check-config
           say whether the environment is right, and what the server would run with
  inspect  show what a journal holds; it changes nothing and may run beside the server
  member   make the data of a server without replicas those of the first of a group
  restore  make the data as it was at a position or time, from a copy of the database and
           the journal
  audit    compare journal, snapshots, database and payment gateway while the server is
           stopped, and name the first difference
  stream   bring what happens from a server to Apache Kafka
  sink     bring it from there to QuestDB

isuride inspect -h and the like list the flags of a command.
`

// parseArguments refuses everything it does not know: a server that started despite a
// mistake would make a new data folder and serve the wrong data.
func parseArguments(args []string) (a arguments, err error) {
	f := newFlags("isuride")
	f.BoolVar(&a.repair, "repair", false, "")
	f.BoolVar(&a.version, "version", false, "")
	if err := parseFlags(f, args); err != nil {
		return a, err
	}
	if f.NArg() > 0 {
		return a, fmt.Errorf("the argument %q is unknown%s; the environment configures the server, and isuride -h lists its flags",
			f.Arg(0), meant(f.Arg(0), []string{"-repair", "-version", "-h", "check-config", "inspect", "member", "restore", "audit", "stream", "sink"}))
	}
	return a, nil
}

// arguments are those of the server itself.
type arguments struct{ repair, version bool }

func newFlags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }

// parseFlags names the flag that was probably meant.
func parseFlags(f *flag.FlagSet, args []string) error {
	f.SetOutput(io.Discard)
	err := f.Parse(args)
	name, unknown := strings.CutPrefix(fmt.Sprint(err), undefinedFlag)
	switch {
	case err == nil || err == flag.ErrHelp:
		return err
	case !unknown:
		return fmt.Errorf("%w; %s -h lists the flags", err, f.Name())
	}
	known := []string{"-h"}
	f.VisitAll(func(f *flag.Flag) { known = append(known, "-"+f.Name) })
	return fmt.Errorf("the flag -%s is unknown%s; %s -h lists the flags", name, meant(name, known), f.Name())
}

const undefinedFlag = "flag provided but not defined: -"

// meant is the end of a message about a word that is not known. Dashes do not count.
func meant(word string, known []string) string {
	bare := make([]string, len(known))
	for i := range known {
		bare[i] = strings.TrimLeft(known[i], "-")
	}
	closest, wrong := nearest.Word(strings.TrimLeft(word, "-"), bare)
	if wrong > tolerance {
		return ""
	}
	return fmt.Sprintf(": did you mean %s?", known[slices.Index(bare, closest)])
}

// tolerance is the number of wrong letters up to which a word counts as mistyped.
const tolerance = 2

// variableNames lists all variables that readConfig reads.
var variableNames = []string{
	"ISURIDE_LISTEN", "ISURIDE_TLS_LISTEN", "ISURIDE_TLS_CERT", "ISURIDE_TLS_KEY", "ISURIDE_HTTP2", "ISURIDE_DATA", "ISURIDE_SQLITE",
	"ISURIDE_JOURNAL", "ISURIDE_DURABILITY", "ISURIDE_KEEP_JOURNAL", "ISURIDE_KEEP_POSITIONS", "ISURIDE_INITIAL_DATA", "ISURIDE_NOTIFICATION", "ISURIDE_STATIC",
	"ISURIDE_SOLVER", "ISURIDE_INTERNAL", "ISURIDE_SLOW", "ISURIDE_LOG", "ISURIDE_SHED", "ISURIDE_HTTPLOG", "ISURIDE_SLOWLOG",
	"ISURIDE_REPLICAS", "ISURIDE_NODE", "ISURIDE_REPLICA_SECRET", "ISURIDE_LEADER_LISTEN",
	"ISURIDE_KAFKA", "ISURIDE_KAFKA_ENVELOPE", "ISURIDE_REGION", "ISURIDE_QUESTDB",
	"ISUCON_DB_HOST", "ISUCON_DB_PORT", "ISUCON_DB_USER", "ISUCON_DB_PASSWORD", "ISUCON_DB_NAME",
}

// checkNames refuses variables whose names are nearly right, since an ignored setting may
// be a broken promise, and warns of others that begin like ours. Those are not refused:
// orchestrators set names like ISURIDE_SERVICE_HOST, and a release that was rolled back
// does not know what a later one reads.
func checkNames(environ []string, log *slog.Logger) error {
	var wrong []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains(variableNames, name) || strings.HasPrefix(name, "ISURIDE_TEST_") {
			continue
		}
		closest, letters := nearest.Word(strings.ToUpper(name), variableNames)
		switch {
		case letters <= tolerance:
			wrong = append(wrong, fmt.Sprintf("%s is unknown: did you mean %s?", name, closest))
		case strings.HasPrefix(name, "ISURIDE_") || strings.HasPrefix(name, "ISUCON_DB_"):
			log.Warn("a variable is unknown and has no effect", "name", name, "nearest", closest)
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("configuration: %s", strings.Join(wrong, "; "))
	}
	return nil
}
