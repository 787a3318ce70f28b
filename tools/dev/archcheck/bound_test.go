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
	found := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != root && isForeign(d.Name()) {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(root, file)
		if err != nil || !strings.HasSuffix(file, "_test.go") || slices.Contains(endOthers, filepath.ToSlash(filepath.Dir(rel))) {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Command" {
				switch x, _ := s.X.(*ast.Ident); {
				case x == nil:
				case x.Name == "bound":
					found++
				case x.Name == "exec":
					t.Errorf("%s starts a program with exec.Command: use bound.Command, which ends it if it hangs", rel)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 20 {
		t.Errorf("only %d programs found: the test looks in the wrong place", found)
	}
}
