package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"
)

// licences are the files of this repository's own.
var licences = []string{"LICENSE-MIT", "LICENSE-APACHE"}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|unlicense)`)

// texts are licence texts, each once, in the order in which they came, with what
// brings them.
type texts struct {
	order []string
	users map[string][]string
}

func newTexts() *texts { return &texts{users: map[string][]string{}} }

// add takes the text of a file.
func (t *texts) add(user, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	key := string(bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
	if t.users[key] == nil {
		t.order = append(t.order, key)
	}
	t.users[key] = append(t.users[key], user)
	return nil
}

// addFolder takes all licence files that lie in a folder, and tells whether there
// are any.
func (t *texts) addFolder(user, folder string) (found bool, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		if entry.Type()&fs.ModeType != 0 || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		found = true
		if err := t.add(user, filepath.Join(folder, entry.Name())); err != nil {
			return false, err
		}
	}
	return found, nil
}

// addOwn takes this repository's.
func (t *texts) addOwn(user, root string) error {
	for _, name := range licences {
		if err := t.add(user+", "+name, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}

func (t *texts) String() string {
	var out strings.Builder
	for _, text := range t.order {
		fmt.Fprintf(&out, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(slices.Compact(t.users[text]), ", "), text)
	}
	return out.String()
}

// writeCrateLicences writes every licence text that a crate brings.
func writeCrateLicences(r release, crates []crate) error {
	found := newTexts()
	var list, bare strings.Builder
	for _, c := range crates {
		user := c.Name + " " + c.Version
		line := fmt.Sprintf("  %-36s %s\n", user, c.License)
		list.WriteString(line)
		any, err := found.addFolder(user, filepath.Dir(c.ManifestPath))
		if err != nil {
			return err
		}
		if !any {
			bare.WriteString(line)
		}
	}
	if err := found.addOwn("kvshard, and Rust's standard library", r.root); err != nil {
		return err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "The libraries in lib/ hold code of kvshard, of Rust's standard library (MIT OR Apache-2.0,\nhttps://github.com/rust-lang/rust), and of these crates:\n\n%s", list.String())
	if bare.Len() > 0 {
		fmt.Fprintf(&out, "\nOf them these bring no file with a licence text, and name it only:\n\n%s", bare.String())
	}
	out.WriteString(found.String())
	return os.WriteFile(filepath.Join(r.module, crateLicences), out.Bytes(), 0o644)
}

const crateLicences = "LICENSES-THIRD-PARTY.txt"

// programLicences returns every licence text that the program brings: of Go, of the
// modules that the go command wrote into the program, of the C library if it is
// linked into the program, and of what is in libkvshard.a.
func programLicences(r release, program string) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	found := newTexts()
	if err := found.add("Go "+strings.TrimPrefix(info.GoVersion, "go"), filepath.Join(strings.TrimSpace(string(goroot)), "LICENSE")); err != nil {
		return nil, err
	}
	var list strings.Builder
	for _, needed := range info.Deps {
		if needed.Replace != nil {
			return nil, fmt.Errorf("%s was built with another module in place of %s: build it from the proxy", program, needed.Path)
		}
		if ours(needed.Path) {
			continue
		}
		user := needed.Path + " " + needed.Version
		fmt.Fprintf(&list, "  %s\n", user)
		folder, err := moduleFolder(r.modules, needed.Path, needed.Version)
		if err != nil {
			return nil, err
		}
		any, err := found.addFolder(user, folder)
		if err != nil {
			return nil, err
		}
		if !any {
			return nil, fmt.Errorf("%s has no file with a licence text: a program that holds it cannot be given away", user)
		}
	}
	if r.notice != "" {
		if err := found.add("the C library", r.notice); err != nil {
			return nil, err
		}
	}
	library, err := os.ReadFile(filepath.Join(r.module, crateLicences))
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "The program kvshard holds libkvshard.a, of which the second part of this file tells, the Go\nruntime and standard library, and code of these Go modules:\n\n%s%s\n%s\n%s\n\n%s",
		list.String(), found, strings.Repeat("=", 80), "libkvshard.a", library), nil
}

// moduleFolder is where a module lies in a module cache.
func moduleFolder(cache, importPath, version string) (string, error) {
	escaped, err := module.EscapePath(importPath)
	if err != nil {
		return "", err
	}
	escapedVersion, err := module.EscapeVersion(version)
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, filepath.FromSlash(escaped)+"@"+escapedVersion), nil
}
