package ui_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// TestUnits runs test/unit in Node: the drawn city, the map's arithmetic, the line of the last
// minutes, and what is said of a match.
func TestUnits(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	sources, err := filepath.Glob("test/unit/*.test.ts")
	if err != nil || len(sources) == 0 {
		t.Fatal("there are no tests", err)
	}
	libraries, err := filepath.Abs("vendor")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	built := api.Build(api.BuildOptions{EntryPoints: sources, Outdir: folder, OutExtension: map[string]string{".js": ".mjs"}, Bundle: true, Write: true,
		Format: api.FormatESModule, Platform: api.PlatformNode, Target: api.ES2022, NodePaths: []string{libraries}, Supported: map[string]bool{"top-level-await": true}})
	for _, e := range built.Errors {
		t.Fatal(e.Text)
	}
	args := []string{"--test"}
	for _, f := range built.OutputFiles {
		args = append(args, f.Path)
	}
	if out, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
