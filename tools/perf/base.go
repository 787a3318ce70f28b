package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"isuride/bench/report"
)

// A base is what a machine has measured. Figures of time are in nanoseconds per operation; of the duel, see fight.go.
type base struct {
	Machine report.Machine           `json:"machine"`
	Figures map[string]report.Spread `json:"figures"`
}

// bases has at most one base a machine.
type bases []*base

// readBases reads a file, which need not exist.
func readBases(file string) (bases, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list bases
	for d := json.NewDecoder(f); ; {
		b := new(base)
		switch err := d.Decode(b); {
		case err == io.EOF:
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("%s, line %d: %w", file, len(list)+1, err)
		}
		list = append(list, b)
	}
}

// find returns the base of a machine with the same processor and the same number of cores, nil if there is none.
func (l bases) find(m report.Machine) *base {
	for _, b := range l {
		if b.Machine.CPU == m.CPU && b.Machine.Cores == m.Cores {
			return b
		}
	}
	return nil
}

// store writes the file anew, with b instead of the base of its machine.
func (l bases) store(file string, b *base) error {
	if old := l.find(b.Machine); old != nil {
		*old = *b
	} else {
		l = append(l, b)
	}
	var out []byte
	for _, b := range l {
		line, err := json.Marshal(b)
		if err != nil {
			return err
		}
		out = append(append(out, line...), '\n')
	}
	return os.WriteFile(file, out, 0o644)
}
