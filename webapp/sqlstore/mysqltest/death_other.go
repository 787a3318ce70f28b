//go:build !linux

package mysqltest

import "os/exec"

// dieWithParent exists on Linux only.
func dieWithParent(*exec.Cmd) {}
