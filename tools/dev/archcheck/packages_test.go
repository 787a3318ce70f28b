package archcheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackagesAreDocumented: every package has exactly one package comment, directly
// above one of its package clauses.
func TestPackagesAreDocumented(t *testing.T) {
	for name, files := range packages(t) {
		var docs []string
		for file, syntax := range files {
			if syntax.Doc != nil {
				docs = append(docs, path.Base(file))
			}
		}
		switch {
		case len(docs) == 0:
			t.Errorf("%s has no package comment", name)
		case len(docs) > 1:
			t.Errorf("%s has package comments in %s", name, strings.Join(docs, " and "))
		}
	}
}

// TestPackageVariablesStay: nothing assigns to a package variable, its elements or its
// fields once the program runs. A new generation of the server is built and swapped, so
// that two of them never share anything. Errors and constant tables are fine.
func TestPackageVariablesStay(t *testing.T) {
	for _, files := range packages(t) {
		variables := packageVariables(files)
		for file, syntax := range files {
			for _, d := range syntax.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Body == nil || f.Recv == nil && f.Name.Name == "init" {
					continue
				}
				for _, name := range assigned(f) {
					if variables[name] {
						t.Errorf("%s: %s assigns to the package variable %s", file, f.Name.Name, name)
					}
				}
			}
		}
	}
}

// TestAssignedCatches breaks the rule on purpose.
func TestAssignedCatches(t *testing.T) {
	const source = `package p
var a, b, c, d, e int
func f(c int) {
	a = 1
	b++
	c = 2
	d := 3
	d = 4
	table[0] = 5
	state.field.x += 6
	func() { e = 7 }()
}`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(assigned(file.Decls[1].(*ast.FuncDecl)), " ")
	if want := "a b table state e"; got != want {
		t.Errorf("assigned: %s, want %s", got, want)
	}
}

// packages parses all files except tests, by folder and file.
func packages(t *testing.T) map[string]map[string]*ast.File {
	all := map[string]map[string]*ast.File{}
	eachText(t, func(name, text string) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if all[path.Dir(name)] == nil {
			all[path.Dir(name)] = map[string]*ast.File{}
		}
		all[path.Dir(name)][name] = syntax
	})
	return all
}

func packageVariables(files map[string]*ast.File) map[string]bool {
	names := map[string]bool{}
	for _, syntax := range files {
		for _, d := range syntax.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					for _, n := range spec.(*ast.ValueSpec).Names {
						names[n.Name] = true
					}
				}
			}
		}
	}
	return names
}

// assigned returns the root names that f assigns to, in order, without those that f
// itself declares anywhere.
func assigned(f *ast.FuncDecl) []string {
	local := map[string]bool{}
	var names []string
	declare := func(list ...ast.Expr) {
		for _, e := range list {
			if n, ok := e.(*ast.Ident); ok {
				local[n.Name] = true
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				declare(name)
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				declare(name)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				declare(n.Key, n.Value)
			}
		case *ast.IncDecStmt:
			names = append(names, rootOf(n.X))
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				declare(n.Lhs...)
				break
			}
			for _, e := range n.Lhs {
				names = append(names, rootOf(e))
			}
		}
		return true
	})
	free := names[:0]
	for _, name := range names {
		if name != "" && name != "_" && !local[name] {
			free = append(free, name)
		}
	}
	return free
}

// rootOf returns x for x, x[i], x.f and *x.
func rootOf(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}
