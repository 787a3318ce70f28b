// Package hostscript puts together scripts that look after a host: what the host's roles
// are, functions that find its services and their files, and the script proper.
package hostscript

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"isuride/tools/ops/fleet/topology"
)

//go:embed common.sh
var common string

// For makes a script for a host from its body, which may use the functions of common.sh.
// Settings are lines of the form name=value, in the words of the shell.
func For(h topology.Host, body string, settings ...string) string {
	return strings.Join(slices.Concat(roles(h), settings, []string{common, body}), "\n")
}

// roles sets a variable for each role to yes or no.
func roles(h topology.Host) []string {
	var lines []string
	for _, r := range topology.Roles() {
		word := "no"
		if h.Has(r) {
			word = "yes"
		}
		lines = append(lines, fmt.Sprintf("%s=%s", r, word))
	}
	return lines
}
