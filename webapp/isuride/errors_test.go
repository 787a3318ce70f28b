package isuride_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestMessagesHoldNoInnerErrors reads all code of the server: no message that a caller
// may see is made of another error. The one exception concerns the caller's own body.
func TestMessagesHoldNoInnerErrors(t *testing.T) {
	files := token.NewFileSet()
	calls := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !isErrorf(call.Fun) || len(call.Args) < 2 {
				return true
			}
			calls++
			if format, ok := call.Args[1].(*ast.BasicLit); !ok || format.Kind != token.STRING {
				t.Errorf("%s: the message is not a constant", files.Position(call.Pos()))
			}
			for _, a := range call.Args[2:] {
				if speaksOfError(a) {
					t.Errorf("%s: the message holds another error's text; that is for Because", files.Position(a.Pos()))
				}
			}
			return true
		})
		return nil
	})
	if err != nil || calls < 20 {
		t.Fatalf("%d calls were found (%v)", calls, err)
	}
}

func isErrorf(f ast.Expr) bool {
	switch f := f.(type) {
	case *ast.SelectorExpr:
		pkg, ok := f.X.(*ast.Ident)
		return ok && pkg.Name == "isuride" && f.Sel.Name == "Errorf"
	case *ast.Ident:
		return f.Name == "Errorf"
	}
	return false
}

// speaksOfError goes by names: err, someErr, cause, and calls of Error.
func speaksOfError(a ast.Expr) (found bool) {
	ast.Inspect(a, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			name := strings.ToLower(id.Name)
			found = found || strings.HasSuffix(name, "err") || name == "error" || name == "cause" || name == "why"
		}
		return true
	})
	return found
}
