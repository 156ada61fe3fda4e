package lint

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
)

// TestReleasedModules: what tools/release packs is every Go module of the repository
// that is no example and no tool, each requires ours and replaces nothing else, and the
// documents name each with this version.
func TestReleasedModules(t *testing.T) {
	list := regexp.MustCompile(`(?m)^var released = \[\]string\{(.*)\}$`).FindStringSubmatch(read(t, "tools/release/modules.go"))
	if list == nil {
		t.Fatal("tools/release/modules.go has no list of the released modules")
	}
	var released, found []string
	for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(list[1], -1) {
		released = append(released, m[1])
	}
	for _, name := range filesNamed(t, "go.mod") {
		if folder := path.Dir(name); !strings.HasPrefix(folder, "examples/") && !strings.HasPrefix(folder, "tools/") {
			found = append(found, folder)
		}
	}
	expectSame(t, "tools/release/modules.go", released, found)

	version := "v" + kvshard.Version()
	var gets []string
	table, guide := read(t, "docs/release.md"), keeperCommands(t)
	for _, folder := range released {
		importPath, tag := path.Join(module, folder), path.Join(folder, version)
		if row := "| `" + importPath + "` | `" + tag + "` |"; !strings.Contains(table, row) {
			t.Errorf("docs/release.md has no row %s", row)
		}
		switch {
		case strings.HasPrefix(folder, "cmd/"):
			if line := "go install " + importPath + "@" + version; !strings.Contains(read(t, "docs/command.md"), "\n"+line+"\n") {
				t.Errorf("docs/command.md has no line %s", line)
			}
		default:
			gets = append(gets, "go get "+importPath+"@"+version)
		}
		if folder == "." {
			continue
		}
		text := read(t, path.Join(folder, "go.mod"))
		for _, m := range regexp.MustCompile(`(?m)^(?:replace|\t)\s*(\S+)(?: v\S+)? => (\S+)`).FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[1], module) || !strings.HasPrefix(m[2], "../") {
				t.Errorf("%s/go.mod replaces %s by %s: users of a release get no replace", folder, m[1], m[2])
			}
		}
		if !strings.Contains(text, module+" v0.0.0\n") {
			t.Errorf("%s/go.mod does not require %s v0.0.0, as a checkout does", folder, module)
		}
	}
	lines := strings.Split(strings.TrimSpace(guide[len(guide)-1]), "\n")
	if !slices.Equal(lines[1:], gets) {
		t.Errorf("docs/keeper.md gets a release with %q, want %q", lines[1:], gets)
	}
}
