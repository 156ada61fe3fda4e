package lint

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readmeBlocks returns the code blocks of the README's section "In Go" and behind it
// in their order, each with the name of its language.
func readmeBlocks(t *testing.T) (blocks [][2]string) {
	t.Helper()
	_, section, found := strings.Cut(read(t, "README.md"), "\n## In Go\n")
	if !found {
		t.Fatal(`README.md has no section "In Go"`)
	}
	for _, m := range fence.FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, [2]string{m[1], m[2]})
	}
	return blocks
}

// readmeProgram returns the program that the section begins with, and what the
// README says that it prints: the last of its code blocks.
func readmeProgram(t *testing.T) (program, output string) {
	t.Helper()
	blocks := readmeBlocks(t)
	if len(blocks) != 3 || blocks[0][0] != "go" {
		t.Fatalf("README.md has %d code blocks, want the program, the commands and what the program prints", len(blocks))
	}
	return blocks[0][1], blocks[2][1]
}

// expectOutput runs the go command in a folder, without the network, and compares
// what it prints.
func expectOutput(t *testing.T, folder, want string, command ...string) {
	t.Helper()
	run := exec.Command("go", command...)
	run.Dir = folder
	run.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	var errs strings.Builder
	run.Stderr = &errs
	got, err := run.Output()
	if err != nil {
		t.Fatalf("go %q: %v\n%s", command, err, errs.String())
	}
	if string(got) != want {
		t.Errorf("go %q prints\n%swhere README.md has\n%s", command, got, want)
	}
}

// TestReadmeCommandRuns gives the README's command for its program, saved where
// the README says. The file is there for the go command only (-overlay), so that
// the test leaves nothing in the checkout.
func TestReadmeCommandRuns(t *testing.T) {
	program, output := readmeProgram(t)
	commands := readmeBlocks(t)[1][1]
	var given []string
	for line := range strings.Lines(commands) {
		command, _, _ := strings.Cut(line, "#")
		given = append(given, strings.TrimSpace(command))
	}
	if want := []string{"make build", "go run ./hello"}; !slices.Equal(given, want) {
		t.Fatalf("README.md gives the commands %q, want %q", given, want)
	}
	if !strings.Contains(read(t, "README.md"), "`hello/main.go`") {
		t.Error("README.md does not say where to save the program")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "hello", "main.go"): filepath.Join(dir, "main.go"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.go"), program)
	write(t, filepath.Join(dir, "overlay.json"), string(overlay))
	expectOutput(t, root, output, "run", "-overlay", filepath.Join(dir, "overlay.json"), "./hello")
}

// keeperCommands returns the lines of the code blocks of docs/keeper.md's section
// "Depend on it", the first for a checkout and the second for a release.
func keeperCommands(t *testing.T) (blocks []string) {
	t.Helper()
	_, section, found := strings.Cut(read(t, "docs/keeper.md"), "\n## Depend on it\n")
	section, _, closed := strings.Cut(section, "\n## ")
	if !found || !closed {
		t.Fatal(`docs/keeper.md has no section "Depend on it"`)
	}
	for _, m := range fence.FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, m[2])
	}
	return blocks
}

// TestReadmeProgramRunsElsewhere pastes the README's program into a module of its own,
// as a user's is, which depends on a checkout as docs/keeper.md says.
func TestReadmeProgramRunsElsewhere(t *testing.T) {
	program, output := readmeProgram(t)
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	_, requires, found := strings.Cut(read(t, "go.mod"), "\nrequire (")
	if !found {
		t.Fatal("go.mod requires nothing")
	}
	parent := t.TempDir()
	if err := os.Symlink(root, filepath.Join(parent, "kvshard")); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "chain")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.go"), program)
	write(t, filepath.Join(dir, "go.sum"), read(t, "go.sum"))
	write(t, filepath.Join(dir, "go.mod"), "module example.org/hello\n\ngo 1.25.0\n\nrequire ("+requires)
	edit, tidy, _ := strings.Cut(keeperCommands(t)[0], "\n")
	command := strings.Fields(edit)
	if command[0] != "go" || strings.TrimSpace(tidy) != "go mod tidy" {
		t.Fatalf("docs/keeper.md says %q and %q, want go mod edit and go mod tidy", edit, tidy)
	}
	expectOutput(t, dir, "", command[1:]...)
	// What go mod tidy would add is in go.mod already: it needs the network.
	expectOutput(t, dir, "", "vet", "-mod=mod", ".")
	expectOutput(t, dir, output, "run", "-mod=mod", ".")
}

// TestReadmeFindsFunctions: where the README says that a function is in a file, the
// file declares it.
func TestReadmeFindsFunctions(t *testing.T) {
	_, section, found := strings.Cut(read(t, "README.md"), "\n## Reading the source\n")
	if !found {
		t.Fatal("README.md has no section \"Reading the source\"")
	}
	places := regexp.MustCompile("`(\\w+)` in `([^`]+)`").FindAllStringSubmatch(section, -1)
	for _, m := range places {
		declared := regexp.MustCompile(`(?m)^\s*(pub )?(func (\([^)]*\) )?|fn )` + m[1] + `\b`)
		if !declared.MatchString(read(t, m[2])) {
			t.Errorf("README.md says that %s is in %s, which does not declare it", m[1], m[2])
		}
	}
	if len(places) < 5 {
		t.Errorf("README.md names only %d functions with their files", len(places))
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
