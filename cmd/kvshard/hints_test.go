package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imperatives are the words that a hint may begin with: it says what to do.
var imperatives = []string{
	"append", "ask", "check", "convert", "free", "get", "give", "go", "import", "leave",
	"list", "look", "make", "name", "open", "put", "read", "remove", "report", "run",
	"save", "stop", "take", "wait",
}

// hintsIn returns the hints in a file, with the place of each: the second argument
// of exit.Errorf, the third field of the errors that package exit knows, and what a
// constant or variable called hint begins with.
func hintsIn(files *token.FileSet, file *ast.File) (hints map[token.Pos]string) {
	hints = map[token.Pos]string{}
	var note func(e ast.Expr)
	note = func(e ast.Expr) {
		switch e := e.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(e.Value); err == nil && text != "" {
				hints[e.Pos()] = text
			}
		case *ast.BinaryExpr:
			note(e.X)
		case *ast.CallExpr: // fmt.Sprintf
			if len(e.Args) > 0 {
				note(e.Args[0])
			}
		}
	}
	named := func(names []ast.Expr, values []ast.Expr) {
		for i, name := range names {
			if ident, ok := name.(*ast.Ident); ok && strings.EqualFold(ident.Name, "hint") && i < len(values) {
				note(values[i])
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := ""
			switch f := n.Fun.(type) {
			case *ast.SelectorExpr:
				if x, ok := f.X.(*ast.Ident); ok {
					name = x.Name + "." + f.Sel.Name
				}
			case *ast.Ident:
				name = file.Name.Name + "." + f.Name
			}
			if name == "exit.Errorf" && len(n.Args) > 1 {
				note(n.Args[1])
			}
		case *ast.CompositeLit:
			if len(n.Elts) == 3 && file.Name.Name == "exit" && n.Type == nil {
				note(n.Elts[2])
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE || n.Tok == token.ASSIGN {
				named(n.Lhs, n.Rhs)
			}
		case *ast.ValueSpec:
			var names []ast.Expr
			for _, name := range n.Names {
				names = append(names, name)
			}
			named(names, n.Values)
		}
		return true
	})
	return hints
}

// TestHintsAreImperatives: the hint of an error says what to do, and begins with it.
func TestHintsAreImperatives(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	seen := 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		for at, hint := range hintsIn(files, file) {
			seen++
			if first, _, _ := strings.Cut(hint, " "); !slices.Contains(imperatives, first) {
				t.Errorf("%s: the hint does not begin with what to do: %q", files.Position(at), hint)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 60 {
		t.Errorf("only %d hints were found", seen)
	}
}
