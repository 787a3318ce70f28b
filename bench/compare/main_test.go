package main

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
)

// TestDispatch: a word that is not understood is an error of one line, help is none.
func TestDispatch(t *testing.T) {
	for args, want := range map[string]string{
		"":                "which command? There are calibrate, duel, perf, overload, cost, diff",
		"dule":            `unknown command "dule": did you mean duel?`,
		"-x":              "not defined: -x",
		"duel -only plan": "duel: -only plan: did you mean plain?",
		"perf -cuont 3":   "did you mean -count?",
		"perf -count 0":   "perf: -count: want at least one run",
		"perf -t 0":       "at least a second",
		"calibrate extra": `unexpected argument "extra"`,
	} {
		var out bytes.Buffer
		passed, err := dispatch(t.Context(), strings.Fields(args), &out)
		if passed || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || out.Len() > 0 {
			t.Errorf("%q: %v, %v, want %q; said %q", args, passed, err, want, &out)
		}
	}
	for args, want := range map[string]string{"-h": "calibrate ", "duel -h": "-records file", "diff -h": "-json"} {
		var out bytes.Buffer
		if _, err := dispatch(t.Context(), strings.Fields(args), &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), want) {
			t.Errorf("%q: %v, said %s", args, err, &out)
		}
	}
}
