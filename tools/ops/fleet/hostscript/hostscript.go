// Package hostscript puts together the scripts that run on hosts.
package hostscript

import (
	_ "embed"
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
// find its services and their files (common.sh), and the file name.sh. Variables, which are
// name, value, name, value, come first.
func For(h topology.Host, files fs.FS, name string, vars ...string) string {
	for _, r := range topology.Roles() {
		word := "no"
		if h.Has(r) {
			word = "yes"
		}
		vars = append(vars, string(r), word)
	}
	return assign(vars) + common + "\n" + read(files, name)
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

// Install makes a script that changes what is installed: variables and the file name.sh.
func Install(files fs.FS, name string, vars ...string) string {
	return header + assign(vars) + read(files, name)
}

//go:embed data.sh
var data string

// InstallData is Install for scripts that look after the server's data, with functions that find
// them (data.sh).
func InstallData(files fs.FS, name string, vars ...string) string {
	return header + data + assign(vars) + read(files, name)
}

func assign(vars []string) string {
	var b strings.Builder
	for pair := range slices.Chunk(vars, 2) {
		b.WriteString(pair[0] + "=" + remote.Quote(pair[1]) + "\n")
	}
	return b.String()
}

func read(files fs.FS, name string) string {
	text, err := fs.ReadFile(files, name+".sh")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(text)
}
