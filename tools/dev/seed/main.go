// Command seed makes the initial data set of ISURIDE: a dump of the tables with the
// shapes of the contest's data (S12.3 and S12.4) but names of its own, and the answers
// that a server has to give to the data check about it (S9.3). The same seed makes the
// same bytes.
//
// It leaves the schema and the master data, which are written by hand, to folder sql.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"

	"isuride/tools/cli"
)

func main() {
	seed := flag.Uint64("seed", 1, "number that decides all random choices")
	out := flag.String("out", "", "write the dump, compressed by gzip, to this `file`")
	expect := flag.String("expect", "", "write the expected answers of the data check to this `file`")
	cli.Main(0)
	if err := run(*seed, *out, *expect); err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

func run(seed uint64, out, expect string) error {
	if out == "" && expect == "" {
		return fmt.Errorf("nothing to do: name a file with -out or -expect")
	}
	w, err := newWorld(seed)
	if err != nil {
		return err
	}
	if out != "" {
		if err := writeFile(out, func() ([]byte, error) { return compress(appendDump(nil, &w.Tables)) }); err != nil {
			return err
		}
	}
	if expect != "" {
		return writeFile(expect, w.expectations)
	}
	return nil
}

func writeFile(path string, content func() ([]byte, error)) error {
	b, err := content()
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// compress leaves out the time and name that gzip would store.
func compress(b []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
