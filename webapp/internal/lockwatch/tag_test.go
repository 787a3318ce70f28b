//go:build !lockwatch

package lockwatch

import (
	"os/exec"
	"testing"
)

// TestTag runs the tests of the tag, and those of the entity locks on watched locks.
func TestTag(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-tags", "lockwatch", ".", "../../state", "../../notify")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}
