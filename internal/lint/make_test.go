package lint

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A makeGroup is a heading of the makefiles with the targets below it.
type makeGroup struct {
	heading string
	targets []string
}

// makeGroups reads the headings and targets of the makefiles, in the order in
// which make prints them. It fails the test for a target that says nothing of
// itself, and for one above the first heading. The target help is no part of what
// it prints, and library is for other targets.
func makeGroups(t *testing.T) []makeGroup {
	t.Helper()
	var groups []makeGroup
	for _, name := range makefiles {
		first := len(groups)
		for line := range strings.Lines(read(t, name)) {
			if heading, ok := strings.CutPrefix(line, "##@ "); ok {
				groups = append(groups, makeGroup{heading: strings.TrimSpace(heading)})
				continue
			}
			m := makeTarget.FindStringSubmatch(line)
			if m == nil || m[1] == "help" || m[1] == "library" {
				continue
			}
			if !strings.Contains(line, "## ") {
				t.Errorf("%s: %q has no help", name, strings.TrimSpace(line))
			}
			if len(groups) == first {
				t.Errorf("%s: %s stands above the first heading", name, m[1])
				continue
			}
			groups[len(groups)-1].targets = append(groups[len(groups)-1].targets, m[1])
		}
	}
	return groups
}

// TestMakefileHelp: every target says what it does below a heading, and those
// come first that a user needs. A heading with very many targets is no heading.
func TestMakefileHelp(t *testing.T) {
	groups := makeGroups(t)
	targets := 0
	for _, g := range groups {
		targets += len(g.targets)
		if len(g.targets) == 0 || len(g.targets) > 14 {
			t.Errorf("the heading %q has %d targets", g.heading, len(g.targets))
		}
	}
	if targets < 50 {
		t.Errorf("only %d targets", targets)
	}
	if want := []string{"build", "install", "demo", "test", "bench"}; len(groups) == 0 || !slices.Equal(groups[0].targets, want) {
		t.Errorf("make does not begin with %s, but with %v", want, groups[:min(1, len(groups))])
	}
}

// TestMakePrintsAllTargets runs make: it prints every heading and target, in
// their order.
func TestMakePrintsAllTargets(t *testing.T) {
	program, err := exec.LookPath("make")
	if err != nil {
		t.Skip("make is not installed here")
	}
	printed, err := exec.Command(program, "--no-print-directory").Output()
	if err != nil {
		t.Fatal(err)
	}
	rest := string(printed)
	for _, g := range makeGroups(t) {
		for _, line := range append([]string{g.heading + "\n"}, g.targets...) {
			_, after, found := strings.Cut(rest, line)
			if !found {
				t.Fatalf("make does not print %q below what comes before it:\n%s", line, printed)
			}
			rest = after
		}
	}
}

// TestOneListOfCI: what must pass is listed once, in the Makefile. Who else runs it
// names the target, so that no two lists can differ.
func TestOneListOfCI(t *testing.T) {
	run := regexp.MustCompile(`(?m)^\s*(?:- run: )?make (.+)$`)
	for name, want := range map[string][]string{
		".ci/run":                  {"ci"},
		".github/workflows/ci.yml": {"versions", "${{ matrix.target }}"},
	} {
		var got []string
		for _, m := range run.FindAllStringSubmatch(read(t, name), -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s runs make with %q, want %q", name, got, want)
		}
	}
	if text := read(t, ".github/workflows/ci.yml"); !strings.Contains(text, "target: [ci, ci-more]\n") {
		t.Error("the workflow ci does not run ci and ci-more")
	}
	contributing := read(t, "CONTRIBUTING.md")
	if !strings.Contains(contributing, "`make ci`") || !strings.Contains(contributing, "`make ci-more`") {
		t.Error("CONTRIBUTING.md does not name make ci and make ci-more")
	}
	if found := regexp.MustCompile("`make [^`]*\\btest[^`]*`").FindString(contributing); found != "" {
		t.Errorf("CONTRIBUTING.md has a list of its own: %s", found)
	}
}

// TestMakeVariablesAreSetOnce: the makefiles are one program, in which a variable that
// is set twice has its last value everywhere.
func TestMakeVariablesAreSetOnce(t *testing.T) {
	set := regexp.MustCompile(`(?m)^([A-Z_]+)\s*[:?]?=`)
	where := map[string]string{}
	for _, name := range makefiles {
		for _, m := range set.FindAllStringSubmatch(read(t, name), -1) {
			if first, twice := where[m[1]]; twice {
				t.Errorf("%s and %s set %s", first, name, m[1])
			}
			where[m[1]] = name
		}
	}
	if len(where) < 8 {
		t.Errorf("only %d variables were found", len(where))
	}
}
