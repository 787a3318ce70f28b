package archcheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const locksPage = "webapp/docs/locking.md"

// TestLocks compares the locks on the page with the mutexes in the code. Those in its table of
// waits for I/O are not watched, all others are lockwatch.Mutex.
func TestLocks(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(locksPage)))
	if err != nil {
		t.Fatal(err)
	}
	watched, rest, ok := strings.Cut(string(page), "## Locks that wait for I/O on purpose")
	if !ok {
		t.Fatal("the page has no section of locks that wait for I/O")
	}
	waiting, _, _ := strings.Cut(rest, "\n## ")
	named := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| (?:\\d \\| )?`(\\w+\\.\\w+\\.\\w+)`(.*?) \\|")
	for kind, text := range map[string]string{"lockwatch.Mutex": watched, "sync.Mutex": waiting} {
		for _, m := range row.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(m[2], "a channel") {
				named[m[1]] = kind
			}
		}
	}
	code := mutexes(t)
	for _, name := range slices.Sorted(maps.Keys(code)) {
		if named[name] != code[name] {
			t.Errorf("%s is a %s in the code and a %q on %s", name, code[name], named[name], locksPage)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if code[name] == "" {
			t.Errorf("%s names %s, which is not in the code", locksPage, name)
		}
	}
	if len(code) < 15 {
		t.Errorf("only %d mutexes found: the test looks in the wrong place", len(code))
	}
}

// mutexes finds the fields of webapp that are mutexes: package.Type.field and the type. A mutex
// anywhere else is an error.
func mutexes(t *testing.T) map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir(filepath.Join(root, "webapp"), func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasSuffix(file, filepath.Join("internal", "lockwatch")) {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		fields := map[ast.Expr]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					if kind := mutexType(field.Type); kind != "" {
						fields[field.Type] = true
						for _, name := range field.Names {
							found[f.Name.Name+"."+spec.Name.Name+"."+name.Name] = kind
						}
					}
				}
			}
			return true
		})
		ast.Inspect(f, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok && mutexType(e) != "" && !fields[e] {
				t.Errorf("%s: a mutex that is no field of a named struct", fset.Position(e.Pos()))
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

func mutexType(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if p, ok := s.X.(*ast.Ident); ok {
			switch name := p.Name + "." + s.Sel.Name; name {
			case "sync.Mutex", "sync.RWMutex", "lockwatch.Mutex":
				return name
			}
		}
	}
	return ""
}
