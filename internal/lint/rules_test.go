package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository returns the paths of all files that belong to the repository, with
// slashes, sorted: no build results, nothing hidden but .ci.
func repository(t testing.TB) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		slashed := filepath.ToSlash(name)
		if d.IsDir() {
			base := d.Name()
			hidden := strings.HasPrefix(base, ".") && base != "." && base != ".ci"
			if hidden || base == "target" || slashed == "bin" || slashed == "dist" {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(slashed) != ".a" {
			files = append(files, slashed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// goFile parses a Go file.
func goFile(t testing.TB, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(name), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// imports returns what a Go file imports.
func imports(file *ast.File) []string {
	var paths []string
	for _, spec := range file.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

const module = "github.com/kvshard/kvshard"

// TestImports holds the files to the rules of all rooms; TestRoomsImportWhatTheyMay
// has those of each:
//
//   - C is imported by the bridge, the exports and the files with linker flags,
//     where kvshard is tested beside another Rust library, and by the example chain's own;
//   - what users build has no test helper: testing is for _test.go files, and
//     log and fmt.Print are for none, since a library does not print;
//   - kvtest, for users' tests, imports no testing either, and not kvshard;
//   - the package stream imports kvshard and the reader of JSON, nothing else: a
//     module that uses it needs no more than the tree itself;
//   - internal/treetest, for this repository's tests, does import testing, as the
//     command's internal/clitest does, and nothing but a test imports these two;
//   - x/commitment/testutil, for the tests of chains, does so as the SDK's modules do.
func TestImports(t *testing.T) {
	cgo := regexp.MustCompile(`^((bridge|exports)\.go|internal/link/link_[a-z0-9_]+\.go|internal/twolibs/[a-z_]+\.go|examples/shieldchain/bundle/(bundle|link|link_dev)\.go)$`)
	prints := regexp.MustCompile(`\bfmt\.Print|\bprintln\(|\bprint\(`)
	seen := 0
	for _, name := range repository(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		dir, test := path.Dir(name), strings.HasSuffix(name, "_test.go")
		command := strings.HasPrefix(dir, "cmd/") || strings.HasPrefix(dir, "internal/cmd/") || strings.HasPrefix(dir, "examples/") || strings.HasPrefix(dir, "tools/")
		file := goFile(t, name)
		for _, imported := range imports(file) {
			switch {
			case imported == "C" && !cgo.MatchString(name):
				t.Errorf("%s imports C", name)
			case test || dir == "x/commitment/testutil" || dir == "internal/treetest" || dir == "cmd/kvshard/internal/clitest":
			case imported == module+"/internal/treetest" || imported == module+"/cmd/kvshard/internal/clitest":
				t.Errorf("%s imports %s, and is no test", name, imported)
			case imported == "testing" || strings.HasPrefix(imported, "testing/"):
				if strings.HasPrefix(dir, "examples/") {
					continue // the example chain's own test kit; no user builds it
				}
				t.Errorf("%s imports %s, and is no test", name, imported)
			case (imported == "log" || imported == "log/slog") && !command:
				t.Errorf("%s imports %s: a library does not log", name, imported)
			}
		}
		if !test && !command && (dir == "." || dir == "kvtest" || dir == "stream" || strings.HasPrefix(dir, "internal/")) {
			seen++
			if found := prints.FindString(withoutComments(read(t, name))); found != "" {
				t.Errorf("%s has %s: a library does not print", name, found)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d files were looked at", seen)
	}
}

var comment = regexp.MustCompile(`(?m)//.*$`)

func withoutComments(source string) string { return comment.ReplaceAllString(source, "") }

// TestNoTestHelperInProductFiles: what a file of the package declares for tests
// lies in a _test.go file.
func TestNoTestHelperInProductFiles(t *testing.T) {
	helper := regexp.MustCompile(`(?i)^(test|mock|fake|stub)|(ForTest|ForTesting|Mock)$`)
	seen := 0
	for _, name := range repository(t) {
		if dir := path.Dir(name); (dir != "." && dir != "internal/link") || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		seen++
		ast.Inspect(goFile(t, name), func(n ast.Node) bool {
			switch decl := n.(type) {
			case *ast.FuncDecl:
				if helper.MatchString(decl.Name.Name) {
					t.Errorf("%s declares %s", name, decl.Name.Name)
				}
			case *ast.TypeSpec:
				if helper.MatchString(decl.Name.Name) {
					t.Errorf("%s declares %s", name, decl.Name.Name)
				}
			}
			return true
		})
	}
	if seen < 20 {
		t.Errorf("only %d files were looked at", seen)
	}
}

var unsafeUse = regexp.MustCompile(`\bunsafe\s*(\{|fn|impl|extern)`)

// TestCNamesAreAFeature: names that stay global in whatever links the crate are in ffi/, which a Rust
// library beside the Go package's leaves out.
func TestCNamesAreAFeature(t *testing.T) {
	if !strings.Contains(read(t, "rust/src/lib.rs"), "#[cfg(feature = \"ffi\")]\npub mod ffi;") {
		t.Error("rust/src/lib.rs: the module ffi is not behind the feature ffi")
	}
	found := 0
	for _, name := range repository(t) {
		if !strings.HasPrefix(name, "rust/src/") || !strings.Contains(read(t, name), "no_mangle") {
			continue
		}
		found++
		if !strings.HasPrefix(name, "rust/src/ffi/") {
			t.Errorf("%s exports a C name: move it to rust/src/ffi", name)
		}
	}
	if found == 0 {
		t.Error("no file of rust/src/ffi exports a C name")
	}
}

// TestUnsafeRust: unsafe code is in the boundary, which is ffi/ and callbacks.rs,
// and where the hash uses vector instructions and assembly. KvShardStore::new, a function and a
// block, hands its caller's promise on to callbacks.rs. ARCHITECTURE.md says the
// same.
func TestUnsafeRust(t *testing.T) {
	allowed := regexp.MustCompile(`^rust/src/(ffi/[a-z]+|callbacks|hash/avx512/(lanes|vectors)|hash/mulx|hash/umulh)\.rs$`)
	seen := 0
	for _, name := range repository(t) {
		if !strings.HasPrefix(name, "rust/src/") || path.Ext(name) != ".rs" {
			continue
		}
		if seen++; allowed.MatchString(name) {
			continue
		}
		most := 0
		if name == "rust/src/kv_shard_store.rs" {
			most = 2
		}
		if found := unsafeUse.FindAllString(withoutComments(read(t, name)), -1); len(found) > most {
			t.Errorf("%s has unsafe code: %q", name, found)
		}
	}
	if seen < 20 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// TestRustSharesThroughCrates: no Rust file takes another in by its path. What
// tests of several crates share is in rust/testkit.
func TestRustSharesThroughCrates(t *testing.T) {
	path := regexp.MustCompile(`#\[path\b|\binclude!\(`)
	seen := 0
	for _, name := range repository(t) {
		if !strings.HasSuffix(name, ".rs") {
			continue
		}
		seen++
		if found := path.FindString(withoutComments(read(t, name))); found != "" {
			t.Errorf("%s has %s", name, found)
		}
	}
	if seen < 50 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// TestOnlyTheBridgeCallsTheEngine: C.kvshard_ functions are called in bridge.go
// alone, so that there is one place that knows the boundary.
func TestOnlyTheBridgeCallsTheEngine(t *testing.T) {
	call := regexp.MustCompile(`C\.kvshard_\w+\(`)
	if found := call.FindAllString(read(t, "bridge.go"), -1); len(found) < 20 {
		t.Errorf("bridge.go has only %d calls of the engine", len(found))
	}
	for _, name := range repository(t) {
		if path.Ext(name) != ".go" || name == "bridge.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if found := call.FindString(withoutComments(read(t, name))); found != "" {
			t.Errorf("%s calls %s", name, found)
		}
	}
}

// TestLockedCrates: every crate of every Cargo.lock comes from the public
// registry, with the checksum of its archive; none from a repository, whose
// contents can change.
func TestLockedCrates(t *testing.T) {
	field := func(entry, name string) string {
		for line := range strings.Lines(entry) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" = "); ok {
				return strings.Trim(value, `"`)
			}
		}
		return ""
	}
	sum := regexp.MustCompile(`^[0-9a-f]{64}$`)
	crates := 0
	for _, name := range repository(t) {
		if path.Base(name) != "Cargo.lock" {
			continue
		}
		_, entries, _ := strings.Cut(read(t, name), "[[package]]")
		for entry := range strings.SplitSeq(entries, "[[package]]") {
			crate, source := field(entry, "name"), field(entry, "source")
			if source == "" { // a folder of this repository: cargo names no source
				continue
			}
			crates++
			if source != "registry+https://github.com/rust-lang/crates.io-index" {
				t.Errorf("%s: %s comes from %s", name, crate, source)
			}
			if !sum.MatchString(field(entry, "checksum")) {
				t.Errorf("%s: %s has no checksum", name, crate)
			}
		}
	}
	if crates < 100 {
		t.Errorf("%d crates read, want hundreds", crates)
	}
}

// TestSkipsWantNoFileOfTheRepository: a test may skip for what a machine lacks, or
// for data beside the repository. A file of the repository that is missing fails
// the test: a skip would hide that nothing is tested.
func TestSkipsWantNoFileOfTheRepository(t *testing.T) {
	looks := regexp.MustCompile(`\bos\.(Stat|Lstat|Open|ReadFile|ReadDir|IsNotExist)\(|\bErrNotExist\b|\.Glob\(`)
	// Data that comes with no checkout, and results of a build.
	elsewhere := regexp.MustCompile(`"shared"|/target/`)
	skips := 0
	for _, name := range repository(t) {
		if !strings.HasSuffix(name, "_test.go") || name == "internal/lint/rules_test.go" {
			continue
		}
		source := read(t, name)
		for _, decl := range goFile(t, name).Decls {
			code := withoutComments(source[decl.Pos()-1 : decl.End()-1])
			before, _, found := strings.Cut(code, ".Skip")
			if !found {
				continue
			}
			skips++
			if looks.MatchString(before) && !elsewhere.MatchString(before) {
				t.Errorf("%s skips a test if a file of the repository is missing:\n%s", name, before)
			}
		}
	}
	if skips < 5 {
		t.Errorf("only %d skips were found", skips)
	}
	says := regexp.MustCompile(`println!\("skipped`)
	// Which instructions there are is the machine's.
	machine := regexp.MustCompile(`^rust/src/hash/(avx512|mulx)\.rs$`)
	for _, name := range repository(t) {
		if path.Ext(name) == ".rs" && !machine.MatchString(name) && says.MatchString(read(t, name)) {
			t.Errorf("%s skips a test", name)
		}
	}
}
