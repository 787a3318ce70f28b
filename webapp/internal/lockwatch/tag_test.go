//go:build !lockwatch

package lockwatch

import (
	"os/exec"
	"testing"
)

// TestTag builds the server with the tag, and runs the tests of the tag and those of
// state that use its locks in parallel.
func TestTag(t *testing.T) {
	for _, args := range [][]string{
		{"build", "-tags", "lockwatch", "-o", "/dev/null", "../../cmd/isuride"},
		{"test", "-count=1", "-tags", "lockwatch", "-run", "Reports|Limit|Longest|Parallel", ".", "../../state"},
	} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
}
