// Package hostscript puts together the scripts that run on hosts.
package hostscript

import (
	_ "embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"isuride/tools/ops/fleet/layout"
	"isuride/tools/ops/fleet/remote"
	"isuride/tools/ops/fleet/topology"
)

//go:embed common.sh
var common string

// For makes a script that looks after a host: what the host's roles are, functions that
// find its services and their files (common.sh), and the body. Settings are lines of the
// form name=value, in the words of the shell.
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

// header comes before every script that changes what is installed. Tests run such scripts
// on a folder instead of a host.
const header = `umask 022
root=${ISURIDE_ROOT-}
webapp=$root` + layout.Webapp + `
releases=$root` + layout.Releases + `
die() {
	printf '%s\n' "$*" >&2
	exit 1
}
`

// Install makes a script that changes what is installed: the file name.sh with variables
// set, which are name, value, name, value.
func Install(files fs.FS, name string, vars ...string) string {
	text, err := fs.ReadFile(files, name+".sh")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	var b strings.Builder
	b.WriteString(header)
	for i := 0; i < len(vars); i += 2 {
		b.WriteString(vars[i] + "=" + remote.Quote(vars[i+1]) + "\n")
	}
	b.Write(text)
	return b.String()
}
