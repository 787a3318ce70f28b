//go:build !lockwatch

package lockwatch

import (
	"os/exec"
	"testing"
)

// TestTag runs the tests of the tag, and those of state that use its locks in parallel.
func TestTag(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-tags", "lockwatch", ".", "-run", "Reports|Limit|Parallel", ".", "../../state")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}
