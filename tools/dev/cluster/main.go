// Cluster runs a group of replicas on this machine: three servers, each with a folder of its
// own, nginx in front of them, and a gateway for payments. It restarts a server that ends,
// tells nginx who leads, and says so.
//
//	cluster run                    until Ctrl-C
//	cluster kill -n 100            kills the leader again and again, and prints how long riders waited
//	cluster kill -how handover     has it hand over instead; stop and part make it stand still, or cut it off
//	cluster bench                  runs one with the benchmarker, and kills the leader half way
//	cluster bench -how nothing     tells how long answers waited for a majority instead
//
// Trouble can be ordered from this machine alone, with the token that is in the folder:
//
//	curl -H "Authorization: Bearer $(cat .run/cluster/token)" -X POST 'http://127.0.0.1:19199/kill?member=leader'
//	curl -H "Authorization: Bearer $(cat .run/cluster/token)" -X POST 'http://127.0.0.1:19199/part?member=leader&for=10s'
//
// kill, stop, continue, term and handover are done at once; freeze and part, which cuts a server off from
// the others, last as long as they are told; so does database-away.
//
// The interface's page Simulator orders it, too: the front has the control below /supervisor/.
//
// It is for trying things out. On machines of their own, fleet looks after the servers.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"isuride/tools/cli"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("cluster run, cluster kill or cluster bench; -h behind one of them lists its flags")
	}
	ctx := cli.UntilInterrupted()
	switch args[0] {
	case "run":
		c, err := parseRun(args[1:])
		if err != nil {
			return err
		}
		return c.run(ctx)
	case "kill":
		k, err := parseKill(args[1:])
		if err != nil {
			return err
		}
		return k.run(ctx)
	case "bench":
		b, err := parseBench(args[1:])
		if err != nil {
			return err
		}
		return b.run(ctx)
	}
	return fmt.Errorf("the command %q is unknown; there are run, kill and bench", args[0])
}

// place is where everything is, for both commands.
type place struct {
	dir  string // of all data, logs and the token
	port int    // of the front; the others follow
}

func (p *place) flags(f *flag.FlagSet) {
	f.StringVar(&p.dir, "dir", ".run/cluster", "`folder` of all data, logs and the token")
	f.IntVar(&p.port, "port", 19180, "`port` of the front; 19 others follow it")
}

func (p *place) address(offset int) string { return fmt.Sprintf("127.0.0.1:%d", p.port+offset) }

// Ports behind the front's.
const (
	controlPort  = 19
	gatewayPort  = 18
	databasePort = 17
	benchPort    = 16 // the benchmarker's own gateway
	firstLink    = 10 // to 15
	firstMember  = 1  // three for each: for the other servers, for clients, for operators
)
