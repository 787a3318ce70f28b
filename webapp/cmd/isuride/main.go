// Command isuride is the server. It is configured by the environment, see webapp/docs/configuration.md,
// and stops in good order on INT, TERM and QUIT: it finishes the requests under way, and
// everything recorded is in the database before it exits. A second signal ends it at once.
// HUP does not end it, nor does a reader of its log that leaves.
package main

import (
	"os"

	"isuride/webapp/server"
)

func main() {
	os.Exit(server.Main(os.Args[1:]))
}
