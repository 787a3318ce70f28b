package archcheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// endOthers are packages whose tests see to the end of their programs themselves, and a module that cannot
// import ours.
var endOthers = []string{"webapp/stream", "webapp/ui", "webapp/internal/httpd/rivals"}

// TestProgramsOfTestsEnd: a test starts programs with bound.Command, so that one that hangs does not
// hold up the whole run.
func TestProgramsOfTestsEnd(t *testing.T) {
	found := selectors(t, "Command", endOthers, func(file, from string) {
		if from == "exec" {
			t.Errorf("%s starts a program with exec.Command: use bound.Command, which ends it if it hangs", file)
		}
	})
	if found < 20 {
		t.Errorf("only %d programs found: the test looks in the wrong place", found)
	}
}

// TestAllocationsAreOfOneFunction: a test counts with allocs.PerRun, which leaves out what other goroutines allocate.
func TestAllocationsAreOfOneFunction(t *testing.T) {
	selectors(t, "AllocsPerRun", []string{"tools/dev/allocs", "webapp/internal/httpd/rivals"}, func(file, from string) {
		t.Errorf("%s counts with %s.AllocsPerRun, which counts other goroutines' allocations, too: use allocs.PerRun", file, from)
	})
}

// selectors calls f with each file of tests outside some packages that uses a name, and the
// package or variable that it uses it of. It returns how many there were.
func selectors(t *testing.T, name string, without []string, f func(file, from string)) (found int) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && isForeign(d.Name()) {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(root, file)
		if err != nil || !strings.HasSuffix(file, "_test.go") || slices.Contains(without, filepath.ToSlash(filepath.Dir(rel))) {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == name {
				if x, ok := s.X.(*ast.Ident); ok {
					found++
					f(rel, x.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
