package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kvshard/kvshard/cmd/kvshard"

// The command's packages, from the lowest up: one imports only those before it.
var packages = [][]string{
	{"clitest", "disk"},
	{"exit"},
	{"schemes"},
	{"source"},
	{"bench", "input", "view"},
}

// Imports among the command's packages point one way.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	floor := map[string]int{module: len(packages)}
	for i, names := range packages {
		for _, name := range names {
			floor[module+"/internal/"+name] = i
		}
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		own, known := floor[words[0]]
		if !known {
			t.Errorf("%s stands on no floor of the list", words[0])
		}
		seen++
		for _, imported := range words[1:] {
			if below, ours := floor[imported]; ours && below >= own {
				t.Errorf("%s imports %s, which is not below it", words[0], imported)
			}
		}
	}
	if seen != len(floor) {
		t.Errorf("there are %d packages, and the list has %d", seen, len(floor))
	}
}

// noImports resolves no import: only the names of this package matter.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not wanted") }

// filesUsed returns for each file of this package the others whose names it uses.
func filesUsed(t *testing.T) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImports{}, Error: func(error) {}}
	pkg, _ := config.Check(module, files, parsed, info)
	used := map[string][]string{}
	for ident, object := range info.Uses {
		from, to := files.Position(ident.Pos()).Filename, files.Position(object.Pos()).Filename
		if object.Parent() == pkg.Scope() && from != to && !slices.Contains(used[from], to) {
			used[from] = append(used[from], to)
		}
	}
	return used
}

// A command's file is used by command.go alone, which lists them, and no files
// use each other in a circle.
func TestCommandsStandAlone(t *testing.T) {
	t.Parallel()
	used := filesUsed(t)
	if len(used["command.go"]) < 17 {
		t.Errorf("command.go uses %v", used["command.go"])
	}
	for from, list := range used {
		for _, to := range list {
			if strings.HasPrefix(to, "cmd_") && from != "command.go" {
				t.Errorf("%s uses %s: what two commands need has a file of its own", from, to)
			}
		}
	}
	for len(used) > 0 { // those that use none of the others leave first
		done := slices.DeleteFunc(slices.Collect(maps.Keys(used)), func(file string) bool {
			return slices.ContainsFunc(used[file], func(to string) bool { return used[to] != nil })
		})
		if len(done) == 0 {
			t.Fatalf("a circle among %v", used)
		}
		for _, file := range done {
			delete(used, file)
		}
	}
}
