package release

import (
	"embed"

	"isuride/tools/ops/fleet/hostscript"
)

//go:embed *.sh
var scripts embed.FS

func script(name string, vars ...string) string { return hostscript.Install(scripts, name, vars...) }
