package main

import (
	"io"
	"strings"
	"testing"
)

func TestCostFlags(t *testing.T) {
	for args, told := range map[string]string{
		"-rate 0":           "a -rate above 0",
		"-set SHED=off":     "want ISURIDE_NAME=VALUE",
		"-set ISURIDE_SHED": "want ISURIDE_NAME=VALUE",
		"-n 0":              "at least one run",
	} {
		if _, err := runCost(t.Context(), strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), told) {
			t.Errorf("%s: %v, want %q", args, err, told)
		}
	}
}
