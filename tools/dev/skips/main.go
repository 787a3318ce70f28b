// Command skips reads `go test -json` from standard input, prints what `go test` prints
// without -v, and finally lists what was still running, what took longest, the skipped tests
// by reason, and what failed. An unexpected skip is a failure, so that a missing program cannot silently disable
// tests; so is a test without a result.
//
//	go test -json ./... | skips -installed
//
// Its exit status says nothing of failed tests; with pipefail, that of go test does.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"

	"isuride/tools/cli"
)

func main() {
	installed := flag.Bool("installed", false, "the tests' programs are installed: no test may skip because one is missing")
	cli.Main(0)
	r := newReport(os.Stdout)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		r.line(in.Bytes())
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "skips: reading the test's events:", err)
		os.Exit(2)
	}
	if r.finish(*installed) > 0 {
		os.Exit(1)
	}
}
