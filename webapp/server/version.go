package server

import (
	"fmt"
	"runtime"

	"isuride/webapp/docs"
	"isuride/webapp/internal/build"
)

// version says in one line what this program is, for people who report a fault.
func version() string {
	return fmt.Sprintf("isuride, revision %s, API %s, %s, %s/%s", build.Revision(), docs.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
