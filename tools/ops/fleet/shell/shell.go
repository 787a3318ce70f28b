// Package shell puts together the scripts that change hosts.
package shell

import (
	"io/fs"
	"strings"

	"isuride/tools/ops/fleet/layout"
)

// Header comes before every script. Tests run scripts on a folder instead of a host.
const Header = `umask 022
root=${ISURIDE_ROOT-}
webapp=$root` + layout.Webapp + `
releases=$root` + layout.Releases + `
die() {
	printf '%s\n' "$*" >&2
	exit 1
}
`

// Script is the text of the file name.sh with variables set: name, value, name, value.
func Script(files fs.FS, name string, vars ...string) string {
	text, err := fs.ReadFile(files, name+".sh")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	var b strings.Builder
	b.WriteString(Header)
	for i := 0; i < len(vars); i += 2 {
		b.WriteString(vars[i] + "=" + Quote(vars[i+1]) + "\n")
	}
	b.Write(text)
	return b.String()
}

// Quote makes one word of the text.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
