package release

import (
	"embed"

	"isuride/tools/ops/fleet/shell"
)

//go:embed *.sh
var scripts embed.FS

func script(name string, vars ...string) string { return shell.Script(scripts, name, vars...) }
