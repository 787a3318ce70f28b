// Devcert makes the certificate of nginx and the development server: self-signed, ECDSA
// P-256, with its key next to it. It keeps an existing one as long as that is valid for
// the requested names. Rules and file names are in package cert.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"isuride/tools/cli"
	"isuride/tools/dev/devcert/cert"
)

func main() {
	var (
		hosts = flag.String("hosts", "localhost,127.0.0.1,::1,xiv.isucon.net,*.xiv.isucon.net", "comma-separated host names and IP addresses")
		dir   = flag.String("out", ".", "directory for "+cert.CertFile+" and "+cert.KeyFile+"; created if missing")
		days  = flag.Int("days", 397, "validity; browsers refuse more than 398 days")
	)
	cli.Main(0)
	if err := run(*dir, strings.Split(*hosts, ","), *days); err != nil {
		fmt.Fprintln(os.Stderr, "devcert:", err)
		os.Exit(1)
	}
}

func run(dir string, hosts []string, days int) error {
	if days < 1 {
		return fmt.Errorf("-days must be at least 1, not %d", days)
	}
	made, err := cert.Ensure(dir, hosts, time.Duration(days)*24*time.Hour, time.Now())
	if err != nil {
		return err
	}
	verb := "kept"
	if made {
		verb = "made"
	}
	fmt.Printf("devcert: %s the certificate in %s\n", verb, dir)
	return nil
}
