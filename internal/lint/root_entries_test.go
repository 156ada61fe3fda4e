package lint

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// mostAtTheTop is how many entries the top level may have: what a reader can look
// through. A file that serves the package lies in a folder.
const mostAtTheTop = 62

// TestTopLevel holds the top level to the table of ARCHITECTURE.md, in both
// directions: there is nothing of which it does not say what it is, and it has
// nothing that is not there. A test lies at the top only beside the file that it
// tests.
func TestTopLevel(t *testing.T) {
	_, table, found := strings.Cut(read(t, "ARCHITECTURE.md"), "\n## The rooms\n")
	if !found {
		t.Fatal("ARCHITECTURE.md has no section \"The rooms\"")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	listed := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range span.FindAllStringSubmatch(cells[1], -1) {
			listed[strings.TrimSuffix(m[1], "/")] = true
		}
	}

	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, entry := range entries {
		name := entry.Name()
		hidden := strings.HasPrefix(name, ".") && !slices.Contains([]string{".ci", ".github", ".gitignore"}, name)
		if hidden || name == "bin" || name == "dist" || path.Ext(name) == ".test" {
			continue // a tool's, or the result of a build
		}
		count++
		if !listed[name] {
			t.Errorf("%s is at the top, and the table in ARCHITECTURE.md does not have it: move it to where it belongs", name)
		}
		delete(listed, name)
		tested, isTest := strings.CutSuffix(name, "_test.go")
		if _, err := os.Stat(tested + ".go"); isTest && err != nil && name != "example_test.go" {
			t.Errorf("%s is at the top, but there is no %s.go: a suite belongs in tests/", name, tested)
		}
	}
	for name := range listed {
		t.Errorf("ARCHITECTURE.md lists %s, which is not there", name)
	}
	if count > mostAtTheTop {
		t.Errorf("there are %d entries at the top, at most %d should be", count, mostAtTheTop)
	}
}
