package lint

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A room is a folder of the module with what its files may import, from the table
// in CONTRIBUTING.md.
type room struct {
	name    string
	imports []string
}

func rooms(t *testing.T) (listed []room) {
	t.Helper()
	_, section, found := strings.Cut(read(t, "CONTRIBUTING.md"), "\n## What a room may import\n")
	if !found {
		t.Fatal("CONTRIBUTING.md has no section \"What a room may import\"")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, cells := range tableRows(section) {
		for _, name := range spans(cells[0]) {
			if slices.ContainsFunc(listed, func(r room) bool { return r.name == name }) {
				t.Errorf("CONTRIBUTING.md lists the room %s twice", name)
			}
			listed = append(listed, room{name, spans(cells[1])})
		}
	}
	return listed
}

// holds tells whether a file lies in the room. The top level's are its own only.
func (r room) holds(file string) bool {
	if r.name == "." {
		return path.Dir(file) == "."
	}
	return strings.HasPrefix(file, r.name+"/")
}

// allows tells whether the room's files may import a package.
func (r room) allows(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return true // the standard library
	}
	if r.name != "." && strings.HasPrefix(imported, module+"/"+r.name+"/") {
		return true
	}
	return slices.ContainsFunc(r.imports, func(allowed string) bool {
		return imported == allowed || strings.HasPrefix(imported, allowed+"/") && r.name != "."
	})
}

// modules are the folders that are Go modules of their own.
func modules(t *testing.T) (dirs []string) {
	for _, name := range filesNamed(t, "go.mod") {
		if dir := path.Dir(name); dir != "." {
			dirs = append(dirs, dir+"/")
		}
	}
	return dirs
}

// TestRoomsImportWhatTheyMay holds each Go file that is no test to the table of
// CONTRIBUTING.md. Each such file lies in one room of it.
func TestRoomsImportWhatTheyMay(t *testing.T) {
	listed, own := rooms(t), modules(t)
	held := map[string]int{}
	for _, name := range repository(t) {
		if path.Ext(name) != ".go" || slices.ContainsFunc(own, func(dir string) bool { return strings.HasPrefix(name, dir) }) {
			continue
		}
		at := slices.IndexFunc(listed, func(r room) bool { return r.holds(name) })
		if at < 0 {
			t.Errorf("%s lies in no room that CONTRIBUTING.md lists", name)
			continue
		}
		held[listed[at].name]++
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, imported := range imports(goFile(t, name)) {
			if imported != "C" && !listed[at].allows(imported) {
				t.Errorf("%s imports %s, which CONTRIBUTING.md does not allow in the room %s", name, imported, listed[at].name)
			}
		}
	}
	for _, r := range listed {
		if held[r.name] == 0 {
			t.Errorf("CONTRIBUTING.md lists the room %s, which has no Go file", r.name)
		}
	}
}

// TestNothingImportsPrograms: what CONTRIBUTING.md calls a program, or a module of
// its own, no other room imports.
func TestNothingImportsPrograms(t *testing.T) {
	program := regexp.MustCompile(`^` + regexp.QuoteMeta(module) + `/(cmd/kvshard|examples|tools|tests|internal/(cmd|lint|twolibs))(/|$)`)
	seen := 0
	for _, name := range repository(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		for _, imported := range imports(goFile(t, name)) {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			seen++
			m := program.FindStringSubmatch(imported)
			if m != nil && !strings.HasPrefix(name, m[1]) {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d imports were looked at", seen)
	}
}
