package lint

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// expectSame compares a list of a document with what there is.
func expectSame(t *testing.T, where string, listed, found []string) {
	t.Helper()
	listed, found = slices.Compact(slices.Sorted(slices.Values(listed))), slices.Compact(slices.Sorted(slices.Values(found)))
	for _, name := range listed {
		if !slices.Contains(found, name) {
			t.Errorf("%s lists %s, which is not there", where, name)
		}
	}
	for _, name := range found {
		if !slices.Contains(listed, name) {
			t.Errorf("%s does not list %s", where, name)
		}
	}
	if len(found) == 0 {
		t.Errorf("%s: nothing was found to compare with", where)
	}
}

// spans returns the names in backticks.
func spans(text string) (names []string) {
	for _, m := range span.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

// item returns the item of a list in a document that begins in this way.
func item(t *testing.T, document, begin string) string {
	t.Helper()
	_, rest, found := strings.Cut(read(t, document), "\n- "+begin)
	if !found {
		t.Fatalf("%s has no item that begins with %q", document, begin)
	}
	end := regexp.MustCompile(`\n(- |\n|#)`).FindStringIndex(rest)
	if end == nil {
		return begin + rest
	}
	return begin + rest[:end[0]]
}

// TestUnsafeAndCgoAreListed: ARCHITECTURE.md names all places of unsafe Rust and
// of cgo, and no others.
func TestUnsafeAndCgoAreListed(t *testing.T) {
	folder := func(name string, folders ...string) string {
		for _, f := range folders {
			if strings.HasPrefix(name, f) {
				return f
			}
		}
		return name
	}
	var unsafeRust, cgo []string
	for _, name := range repository(t) {
		switch {
		case strings.HasPrefix(name, "rust/src/") && unsafeUse.MatchString(withoutComments(read(t, name))):
			unsafeRust = append(unsafeRust, folder(name, "rust/src/ffi/"))
		case path.Ext(name) == ".go" && slices.Contains(imports(goFile(t, name)), "C"):
			cgo = append(cgo, folder(name, "internal/link/", "internal/twolibs/", "examples/shieldchain/bundle/"))
		}
	}
	expectSame(t, "ARCHITECTURE.md, unsafe Rust", spans(item(t, "ARCHITECTURE.md", "Unsafe Rust is")), unsafeRust)
	expectSame(t, "ARCHITECTURE.md, cgo", spans(item(t, "ARCHITECTURE.md", "cgo is")), cgo)
}

// TestRustModulesPointDown: a module of the crate uses only modules that stand
// below it in the list of lib.rs, in tests too.
func TestRustModulesPointDown(t *testing.T) {
	lib := read(t, "rust/src/lib.rs")
	_, structure, _ := strings.Cut(lib, "//! # Structure\n")
	var listed, declared []string
	for _, m := range regexp.MustCompile("(?m)^//! - \\[?`(\\w+)`\\]?:").FindAllStringSubmatch(structure, -1) {
		listed = append(listed, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^(?:pub )?mod (\w+);`).FindAllStringSubmatch(lib, -1) {
		declared = append(declared, m[1])
	}
	expectSame(t, "rust/src/lib.rs, Structure", listed, declared)

	uses := 0
	for _, name := range repository(t) {
		rest, inside := strings.CutPrefix(name, "rust/src/")
		if !inside || rest == "lib.rs" || path.Ext(name) != ".rs" {
			continue
		}
		own, _, _ := strings.Cut(strings.TrimSuffix(rest, ".rs"), "/")
		for _, m := range regexp.MustCompile(`\bcrate::(\w+)`).FindAllStringSubmatch(withoutComments(read(t, name)), -1) {
			at := slices.Index(listed, m[1])
			if m[1] == own || at < 0 {
				continue
			}
			if uses++; at <= slices.Index(listed, own) {
				t.Errorf("%s uses crate::%s, which stands above %s in rust/src/lib.rs", name, m[1], own)
			}
		}
	}
	if uses < 50 {
		t.Errorf("only %d uses of other modules were found", uses)
	}
}

// TestNoCircleAmongRustFiles: no files of the engine, the boundary or the hash use each
// other in a circle. A folder's mod.rs is above its files, and knows them.
func TestNoCircleAmongRustFiles(t *testing.T) {
	folders := map[string]map[string][]string{} // folder → file → files that it uses
	names := regexp.MustCompile(`\bsuper::(?:\{([^}]*)\}|(\w+))`)
	for _, name := range repository(t) {
		folder, file := path.Split(name)
		file, isRust := strings.CutSuffix(file, ".rs")
		room := slices.ContainsFunc([]string{"engine", "ffi", "hash"}, func(room string) bool { return strings.HasPrefix(name, "rust/src/"+room+"/") })
		if !room || !isRust || slices.Contains([]string{"mod", "tests", "testing"}, file) {
			continue
		}
		if folders[folder] == nil {
			folders[folder] = map[string][]string{}
		}
		used := []string{}
		for _, m := range names.FindAllStringSubmatch(withoutComments(read(t, name)), -1) {
			used = append(used, word.FindAllString(m[1]+" "+m[2], -1)...)
		}
		folders[folder][file] = used
	}
	files := 0
	for folder, used := range folders {
		files += len(used)
		for len(used) > 0 { // those that use none of the others leave first
			left := len(used)
			for file, others := range used {
				if !slices.ContainsFunc(others, func(other string) bool { return other != file && used[other] != nil }) {
					delete(used, file)
				}
			}
			if len(used) == left {
				t.Errorf("%s has a circle among %v", folder, slices.Sorted(maps.Keys(used)))
				break
			}
		}
	}
	if files < 30 {
		t.Errorf("only %d files were looked at", files)
	}
}

// TestInvariantsAreListed: the names of invariants that Check reports are those of
// the documentation, in Rust and in Go.
func TestInvariantsAreListed(t *testing.T) {
	var reported []string
	reports := regexp.MustCompile(`(?:report|decoded)\(\s*"(\w+)"|\(\("(\w+)", key|\("(\w+)", key`)
	for _, name := range repository(t) {
		if strings.HasPrefix(name, "rust/src/engine/check/") {
			for _, m := range reports.FindAllStringSubmatch(withoutComments(read(t, name)), -1) {
				reported = append(reported, m[1]+m[2]+m[3])
			}
		}
	}
	in := func(name, begin, end, quoted string) (listed []string) {
		_, text, _ := strings.Cut(read(t, name), begin)
		text, _, _ = strings.Cut(text, end)
		for _, m := range regexp.MustCompile(quoted).FindAllStringSubmatch(text, -1) {
			listed = append(listed, m[1])
		}
		return listed
	}
	const rust = "rust/src/engine/check/mod.rs"
	expectSame(t, rust+", Violation", in(rust, "pub struct Violation {", "pub invariant:", "`(\\w+)`"), reported)
	expectSame(t, rust+", check", in(rust, "violation of these invariants:", "/// Reads every record once", "`(\\w+)`[,:]"), reported)
	expectSame(t, "inspect.go, Violation", in("inspect.go", "// Invariant is its name", "Invariant string", `"(\w+)"`), reported)
}

// TestTestdataHasOrigins: every file of testdata has one row in its README, with
// an origin and a licence, and every row has a file.
func TestTestdataHasOrigins(t *testing.T) {
	const document = "testdata/README.md"
	files := map[string]int{}
	for _, name := range repository(t) {
		if name != document && strings.HasPrefix(name, "testdata/") {
			files[strings.TrimPrefix(name, "testdata/")] = 0
		}
	}
	// The first table; those of the sections say what is in the files.
	table, _, _ := strings.Cut(read(t, document), "\n## ")
	for _, cells := range tableRows(table) {
		if len(cells) != 4 || slices.Contains(cells, "") {
			t.Errorf("%s: a row without file, description, origin or licence: %q", document, cells)
			continue
		}
		pattern, found := strings.Trim(cells[0], "`"), 0
		for name := range files {
			if fits, err := path.Match(pattern, name); err != nil {
				t.Fatal(err)
			} else if fits {
				files[name]++
				found++
			}
		}
		if found == 0 {
			t.Errorf("%s has a row for %s, and there is no such file", document, pattern)
		}
	}
	for name, rows := range files {
		if rows != 1 {
			t.Errorf("%s has %d rows for %s, want 1", document, rows, name)
		}
	}
}

var majorVersion = regexp.MustCompile(`/v\d+$`)

// TestDependenciesHaveReasons: docs/RELIABILITY.md says of each direct dependency
// why it is there. A Go module may stand there by the last part of its path.
func TestDependenciesHaveReasons(t *testing.T) {
	_, section, found := strings.Cut(read(t, "docs/RELIABILITY.md"), "\n## Dependencies\n")
	if !found {
		t.Fatal("docs/RELIABILITY.md has no section Dependencies")
	}
	reasons := map[string]bool{}
	for _, cells := range tableRows(section) {
		for _, name := range spans(cells[0]) {
			reasons[name] = true
		}
	}
	wanted := 0
	want := func(manifest, name string) {
		wanted++
		if !reasons[name] {
			t.Errorf("docs/RELIABILITY.md does not say why %s has %s", manifest, name)
		}
	}
	crate := regexp.MustCompile(`^([a-z][\w-]*) = (.*)$`)
	renamed := regexp.MustCompile(`package = "([^"]*)"`)
	for _, manifest := range filesNamed(t, "Cargo.toml") {
		section := ""
		for line := range strings.Lines(read(t, manifest)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") {
				section = line
			}
			m := crate.FindStringSubmatch(line)
			if m == nil || !strings.HasSuffix(section, "dependencies]") || strings.Contains(m[2], "path = ") {
				continue
			}
			name := m[1]
			if other := renamed.FindStringSubmatch(m[2]); other != nil {
				name = other[1]
			}
			want(manifest, name)
		}
	}
	for _, manifest := range []string{"go.mod", "cmd/kvshard/go.mod"} {
		_, direct := required(t, manifest)
		for _, name := range direct {
			switch short := path.Base(majorVersion.ReplaceAllString(name, "")); {
			case name == module: // this repository's
			case reasons[short]:
				wanted++
			default:
				want(manifest, name)
			}
		}
	}
	if wanted < 40 {
		t.Errorf("only %d dependencies were found", wanted)
	}
}

// TestPlatformsAreListed: docs/build.md has a row for each target of the build, and
// the build tags that files ask for.
func TestPlatformsAreListed(t *testing.T) {
	text := read(t, "docs/build.md")
	_, section, _ := strings.Cut(text, "\n## Platforms\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for _, cells := range tableRows(section) {
		listed = append(listed, spans(cells[0])...)
		if folder := spans(cells[1]); len(folder) != 1 || !slices.Contains(folders(t), folder[0]) {
			t.Errorf("docs/build.md: %s lies in %q, which is not there", cells[0], folder)
		}
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^	([a-z0-9-]+)\) triple=`).FindAllStringSubmatch(read(t, "build/targets.sh"), -1) {
		targets = append(targets, m[1])
	}
	expectSame(t, "docs/build.md, Platforms", listed, targets)

	_, section, _ = strings.Cut(text, "\n## Build tags\n")
	section, _, _ = strings.Cut(section, "\n## ")
	listed = nil
	for _, cells := range tableRows(section) {
		listed = append(listed, spans(cells[0])...)
	}
	given := []string{"cgo", "linux", "windows", "darwin", "android", "ios", "unix", "amd64", "arm64", "asan"} // by the go command
	var tags []string
	for _, name := range repository(t) {
		if path.Ext(name) != ".go" {
			continue
		}
		constraint := regexp.MustCompile(`(?m)^//go:build (.*)$`).FindStringSubmatch(read(t, name))
		if constraint == nil {
			continue
		}
		for _, tag := range word.FindAllString(constraint[1], -1) {
			if !slices.Contains(given, tag) {
				tags = append(tags, tag)
			}
		}
	}
	expectSame(t, "docs/build.md, Build tags", listed, tags)
}

// folders returns the folders that have files of the repository.
func folders(t *testing.T) (dirs []string) {
	for _, name := range repository(t) {
		dirs = append(dirs, path.Dir(name))
	}
	return dirs
}

// TestSourcesOfPictures: the documents say how each of their pictures is made.
func TestSourcesOfPictures(t *testing.T) {
	makers := map[string]string{
		"docs/view.png": "make picture", // of the README
	}
	for _, document := range documents(t) {
		for _, m := range regexp.MustCompile(`!\[[^\]]*\]\(([^)]+)\)`).FindAllStringSubmatch(read(t, document), -1) {
			name := path.Join(path.Dir(document), m[1])
			maker, known := makers[name]
			if !known && strings.HasPrefix(name, "docs/bench-") {
				maker, known = "make benchmarks", true
			}
			if !known {
				t.Errorf("%s shows %s: nobody says how it is made", document, name)
				continue
			}
			target := regexp.MustCompile(fmt.Sprintf(`(?m)^%s:`, strings.TrimPrefix(maker, "make ")))
			if !target.MatchString(read(t, "Makefile")) {
				t.Errorf("%s: there is no %s", name, maker)
			}
		}
	}
}
