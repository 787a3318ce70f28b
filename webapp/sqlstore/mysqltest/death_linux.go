package mysqltest

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the server killed when a test binary ends without closing it, by a
// panic or a time limit.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
