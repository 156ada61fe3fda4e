package lint

import (
	"go/ast"
	"go/format"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A source is what the documents can refer to.
type source struct {
	files   []string
	words   map[string]bool            // every identifier in Go, Rust and C
	members map[string]map[string]bool // of a Go type its methods and fields, of a Go package its names
	targets map[string]bool            // of make
	goTests map[string]bool            // tests, examples, benchmarks, fuzz targets
	rustFns map[string]bool
}

var (
	word       = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	rustFn     = regexp.MustCompile(`\bfn\s+(\w+)`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
	goTest     = regexp.MustCompile(`^(Test|Example|Benchmark|Fuzz)(_|[A-Z]|$)`)
)

var makefiles = []string{"Makefile", "build/schemes.mk", "build/chain.mk", "build/cross.mk"}

func readSource(t *testing.T) *source {
	t.Helper()
	s := &source{
		files: repository(t), words: map[string]bool{}, members: map[string]map[string]bool{},
		targets: map[string]bool{}, goTests: map[string]bool{}, rustFns: map[string]bool{},
	}
	member := func(of, name string) {
		if s.members[of] == nil {
			s.members[of] = map[string]bool{}
		}
		s.members[of][name] = true
	}
	for _, name := range s.files {
		switch path.Ext(name) {
		case ".go", ".rs", ".h", ".c", ".toml":
			text := read(t, name)
			for _, w := range word.FindAllString(text, -1) {
				s.words[w] = true
			}
			if path.Ext(name) == ".rs" {
				for _, m := range rustFn.FindAllStringSubmatch(text, -1) {
					s.rustFns[m[1]] = true
				}
			}
		}
		if path.Ext(name) != ".go" {
			continue
		}
		file := goFile(t, name)
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					if goTest.MatchString(decl.Name.Name) && strings.HasSuffix(name, "_test.go") {
						s.goTests[decl.Name.Name] = true
					}
					member(file.Name.Name, decl.Name.Name)
					continue
				}
				of := decl.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				if of, ok := of.(*ast.Ident); ok {
					member(of.Name, decl.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					switch spec := spec.(type) {
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							member(file.Name.Name, n.Name)
						}
					case *ast.TypeSpec:
						member(file.Name.Name, spec.Name.Name)
						member(spec.Name.Name, "")
						var fields *ast.FieldList
						switch of := spec.Type.(type) {
						case *ast.StructType:
							fields = of.Fields
						case *ast.InterfaceType:
							fields = of.Methods
						}
						if fields != nil {
							for _, field := range fields.List {
								for _, n := range field.Names {
									member(spec.Name.Name, n.Name)
								}
							}
						}
					}
				}
			}
		}
	}
	for _, name := range makefiles {
		for _, m := range makeTarget.FindAllStringSubmatch(read(t, name), -1) {
			s.targets[m[1]] = true
		}
	}
	return s
}

// hasFile tells whether there is such a file or folder: from the root, beside
// the document, or, as names in a text are short, at the end of a path.
func (s *source) hasFile(name, document string) bool {
	name = strings.TrimSuffix(name, "/")
	pattern := regexp.MustCompile(`(^|/)` + strings.ReplaceAll(regexp.QuoteMeta(name), `\*`, `[^/]*`) + `($|/)`)
	for _, file := range s.files {
		if pattern.MatchString(file) {
			return true
		}
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(document), filepath.FromSlash(name)))
	return err == nil
}

// documents returns the Markdown files that are written by hand.
func documents(t testing.TB) []string {
	t.Helper()
	var found []string
	for _, name := range repository(t) {
		if path.Ext(name) == ".md" {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		t.Fatal("there are no Markdown files")
	}
	return found
}

var (
	fence    = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	span     = regexp.MustCompile("`([^`\n]+)`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	makes    = regexp.MustCompile(`^make(( +[a-z][a-z0-9-]*)+)`)
	fileName = regexp.MustCompile(`^[\w.*/-]+(\.(go|rs|md|c|h|toml|json|txt|sh|hex|yml|a)|/)$|^(Makefile|LICENSE-\*)$`)
	dotted   = regexp.MustCompile(`^\*?([A-Za-z]\w*)\.([A-Za-z]\w*)(\(.*\))?$`)
	rustPath = regexp.MustCompile(`^([a-z_A-Z]\w*)(::\w+)+(\(.*\))?$`)
	plain    = regexp.MustCompile(`^[A-Za-z_]\w*(\(\))?$`)
)

// outside are names that the documents use and that are not this repository's:
// of crates, of other chains, of the SDK, of the system, of a release.
var outside = map[string]bool{
	"zcash_client_backend": true, "shardtree": true, "incrementalmerkletree": true, "orchard": true,
	"libkvshard.a": true, "CommitmentTree": true, "GOGC": true, "GOFLAGS": true,
	"NewTreeHandleWithKV": true, "KvStoreProxy": true, "AppendFromKV": true, "SingleLeafRoot": true,
	"VerifyRootFromLeaves": true, "TruncateKVData": true,
	"hello/main.go":       true, // what the README's reader saves
	"rust-toolchain.toml": true, "bcryptprimitives.dll": true, "sbom.json": true, "LICENSES-THIRD-PARTY.txt": true,
}

// dangling returns what is wrong with a name in backticks, "" if nothing: it
// looks like a file, a make target or an identifier, and there is none.
func (s *source) dangling(name, document string) string {
	if m := makes.FindStringSubmatch(name); m != nil {
		for _, target := range strings.Fields(m[1]) {
			if !s.targets[target] {
				return "make has no target " + target
			}
		}
		return ""
	}
	first, _, _ := strings.Cut(name, "::")
	if outside[name] || outside[first] {
		return ""
	}
	switch {
	case fileName.MatchString(name):
		generated := strings.HasSuffix(name, ".a") || strings.HasPrefix(name, "bin/") || strings.HasPrefix(name, "dist/") || strings.Contains(name, "/target")
		foreign := strings.HasPrefix(name, "../shared")
		if !generated && !foreign && !s.hasFile(name, document) {
			return "there is no such file"
		}
	case dotted.MatchString(name):
		m := dotted.FindStringSubmatch(name)
		of, ours := s.members[m[1]]
		lower := m[1][0] >= 'a'
		switch {
		case ours && !of[m[2]]:
			return m[1] + " has no " + m[2]
		case !ours && !lower && !s.words[m[1]]:
			return "there is no " + m[1]
		case !ours && !s.words[m[2]]:
			return "nothing here uses " + m[2]
		}
	case rustPath.MatchString(name):
		for _, part := range strings.Split(name, "::") {
			if part = word.FindString(part); !s.words[part] {
				return "there is no " + part
			}
		}
	case goTest.MatchString(name) && plain.MatchString(name) && len(name) > len("Example"):
		if !s.goTests[name] {
			return "there is no such test"
		}
	case plain.MatchString(name):
		// A word of prose or data is no identifier.
		id := strings.TrimSuffix(name, "()")
		if (strings.Contains(id, "_") || strings.ToLower(id[1:]) != id[1:] || id != name) && !s.words[id] {
			return "there is no such identifier"
		}
	}
	return ""
}

// TestDocsNameWhatExists: every file, make target and identifier in backticks in
// the Markdown files exists, every link within the repository leads somewhere.
func TestDocsNameWhatExists(t *testing.T) {
	s := readSource(t)
	for _, document := range documents(t) {
		text := read(t, document)
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[2]) {
				line = strings.TrimSpace(line)
				if makes.MatchString(line) {
					if wrong := s.dangling(line, document); wrong != "" {
						t.Errorf("%s: %q: %s", document, line, wrong)
					}
				}
			}
			if block[1] == "go" {
				if formatted, err := format.Source([]byte(block[2])); err != nil {
					t.Errorf("%s: a Go block: %v", document, err)
				} else if string(formatted) != block[2] {
					t.Errorf("%s: gofmt writes a Go block in another way:\n%s", document, formatted)
				}
			}
		}
		prose := fence.ReplaceAllString(text, "")
		for _, m := range span.FindAllStringSubmatch(prose, -1) {
			if wrong := s.dangling(m[1], document); wrong != "" {
				t.Errorf("%s: `%s`: %s", document, m[1], wrong)
			}
		}
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path.Join(path.Dir(document), file)
			if file == "" {
				target = document
			}
			if _, err := os.Stat(filepath.FromSlash(target)); err != nil {
				t.Errorf("%s: the link to %s: %v", document, m[1], err)
			} else if anchor != "" && !anchors(read(t, target))[anchor] {
				t.Errorf("%s: the link to %s: there is no such heading", document, m[1])
			}
		}
	}
}

// anchors returns the names that GitHub gives to the headings of a document.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		slug := strings.ToLower(strings.TrimSpace(m[1]))
		slug = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(slug, "")
		found[strings.ReplaceAll(slug, " ", "-")] = true
	}
	return found
}

// TestPromisesAreShown: each row of the table of promises names a test that
// exists: TestX of Go, x or file::x of Rust.
func TestPromisesAreShown(t *testing.T) {
	const document = "docs/promises.md"
	s := readSource(t)
	rows := 0
	for line := range strings.Lines(read(t, document)) {
		line = strings.TrimSpace(line)
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|-") || strings.TrimSpace(cells[0]) == "promise" {
			continue
		}
		rows++
		shown := 0
		for _, m := range span.FindAllStringSubmatch(cells[len(cells)-1], -1) {
			name := m[1][strings.LastIndex(m[1], ":")+1:]
			switch {
			case s.goTests[name] || s.rustFns[name]:
				shown++
			case goTest.MatchString(name) || (plain.MatchString(name) && strings.Contains(name, "_")):
				t.Errorf("%s promises by a test that does not exist: %s", document, m[1])
			}
		}
		if shown == 0 {
			t.Errorf("%s promises without a test: %s", document, strings.TrimSpace(cells[0]))
		}
	}
	if rows == 0 {
		t.Errorf("%s promises nothing", document)
	}
}
