// Stream gets and runs the servers that a stream needs, Apache Kafka and QuestDB, on this
// machine. scripts/stream.sh starts and stops them by it.
//
//	stream fetch -jars FOLDER
//	stream kafka -jars FOLDER -dir FOLDER -port N
//	stream questdb -jars FOLDER -dir FOLDER -port N
//
// The last two become the server that they start.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"isuride/tools/cli"
	"isuride/webapp/stream/servers"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "stream:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("stream fetch, stream kafka or stream questdb; -h behind one of them lists its flags")
	}
	f := flag.NewFlagSet("stream "+args[0], flag.ContinueOnError)
	jars := f.String("jars", ".run/tools/stream", "folder of the jars")
	dir := f.String("dir", "", "folder of the server's data")
	port := f.Int("port", 0, "the port, on loopback; Kafka has the next one, too")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "fetch":
		if _, err := servers.Java(); err != nil {
			return err
		}
		return servers.Fetch(cli.UntilInterrupted(), *jars)
	case "kafka":
		return become(servers.Kafka{Jars: *jars, Dir: *dir, Port: *port}.Command())
	case "questdb":
		return become(servers.QuestDB{Jars: *jars, Dir: *dir, Port: *port}.Command())
	}
	return fmt.Errorf("the command %q is unknown; there are fetch, kafka and questdb", args[0])
}

// become replaces this process by the command.
func become(cmd *exec.Cmd, err error) error {
	if err != nil {
		return err
	}
	return syscall.Exec(cmd.Path, cmd.Args, os.Environ())
}
