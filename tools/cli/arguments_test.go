package cli

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		args string
		most int
		err  string // "" for none
		said string
	}{
		{"-count 3", 0, "", ""},
		{"-count 3 a b", -1, "", ""},
		{"-conut 3", 0, ": did you mean -count?", ""},
		{"-xyzzy", 0, "not defined: -xyzzy (-h lists", ""},
		{"-count many", 0, `invalid value "many"`, ""},
		{"a b", 1, `unexpected argument "b"`, ""},
		{"-h", 0, "help requested", "-count"},
	} {
		var out bytes.Buffer
		f := flag.NewFlagSet("tool", flag.ContinueOnError)
		f.Int("count", 1, "a number")
		err := Parse(f, strings.Fields(c.args), c.most, &out)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v", c.args, err)
		}
		if (out.Len() == 0) != (c.said == "") || !strings.Contains(out.String(), c.said) || errors.Is(err, flag.ErrHelp) != (c.args == "-h") {
			t.Errorf("%s: %v, said %s", c.args, err, &out)
		}
	}
}
