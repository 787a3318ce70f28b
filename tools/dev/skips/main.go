// Command skips reads `go test -json` from standard input, prints what `go test` prints
// without -v, and ends with the tests that were skipped, by reason. A skip that nobody
// expects fails, so that a missing program cannot switch tests off in silence.
//
//	go test -json ./... | skips -installed
//
// It does not judge the tests: the exit status of go test does, with pipefail.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"

	"isuride/tools/cli"
)

func main() {
	installed := flag.Bool("installed", false, "what the tests need is installed: no test may skip because a program is missing")
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
