package archcheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
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

// TestLocks compares the locks on the page with the mutexes in the code. The locks in the
// page's table of waits for I/O are not watched; all others are a lockwatch.Mutex.
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

// unshared are files and functions whose data no other goroutine can reach, either not
// yet or no longer, or no longer changes.
var unshared = []string{"state/load.go", "state/recover.go", "state/restore.go", "state/walk.go takeUser",
	"journal/journal.go firstSegment", "journal/journal.go adopt", "journal/entries_recovery.go adoptEntries", "sqlstore/lock.go lockMySQL", "sqlstore/lock.go release"}

// TestLockedNames: a function that calls one named Locked either locks something or is
// itself named Locked, so that its caller does. One named Locked does not lock its
// receiver.
func TestLockedNames(t *testing.T) {
	calls := 0
	eachFile(t, func(file string, fset *token.FileSet, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			calling, locking := "", ""
			ast.Inspect(fn.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				s, ok := call.Fun.(*ast.SelectorExpr)
				switch {
				case ok && strings.HasSuffix(s.Sel.Name, "Locked"):
					calling = s.Sel.Name
					calls++
				case ok && (s.Sel.Name == "Lock" || s.Sel.Name == "TryLock"):
					locking = types.ExprString(s.X)
				}
				return true
			})
			named := strings.HasSuffix(fn.Name.Name, "Locked")
			exempt := slices.ContainsFunc(unshared, func(u string) bool {
				return strings.HasSuffix(file, u) || strings.HasSuffix(file+" "+fn.Name.Name, u)
			})
			if calling != "" && !named && locking == "" && !exempt {
				t.Errorf("%s: %s calls %s and locks nothing", fset.Position(fn.Pos()), fn.Name.Name, calling)
			}
			if named && fn.Recv != nil && len(fn.Recv.List[0].Names) == 1 && locking == fn.Recv.List[0].Names[0].Name+".mu" {
				t.Errorf("%s: %s locks %s itself", fset.Position(fn.Pos()), fn.Name.Name, locking)
			}
		}
	})
	if calls < 50 {
		t.Errorf("only %d calls found: the test looks in the wrong place", calls)
	}
}

// mutexes finds all fields in webapp that are mutexes and returns their types, by
// package.Type.field. A mutex anywhere else is an error.
func mutexes(t *testing.T) map[string]string {
	found := map[string]string{}
	eachFile(t, func(_ string, fset *token.FileSet, f *ast.File) {
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
	})
	return found
}

// eachFile visits the code of webapp except tests and lockwatch itself.
func eachFile(t *testing.T, visit func(file string, fset *token.FileSet, f *ast.File)) {
	err := filepath.WalkDir(filepath.Join(root, "webapp"), func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "lockwatch" || d.Name() == "servertest") { // no part of the server
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err == nil {
			visit(filepath.ToSlash(file), fset, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func mutexType(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if p, ok := s.X.(*ast.Ident); ok {
			switch name := p.Name + "." + s.Sel.Name; name {
			case "sync.Mutex", "lockwatch.Mutex":
				return name
			case "sync.RWMutex":
				return "sync.Mutex"
			}
		}
	}
	return ""
}
