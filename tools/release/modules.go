package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
)

// released are the folders of the Go modules that a release has, each behind those
// that it requires. Other modules of the repository are examples and tools.
var released = []string{".", "cmd/kvshard", "x/commitment"}

// importPath returns the path of the module in a folder of the repository.
func importPath(folder string) string { return path.Join(modulePath, folder) }

// ours tells whether a module is of this repository.
func ours(importPath string) bool {
	return importPath == modulePath || strings.HasPrefix(importPath, modulePath+"/")
}

// sums are the lines of go.sum for the modules that were packed, by module and version.
type sums map[module.Version]string

// pin makes each module file below the tree require the release of our modules, in
// place of the v0.0.0 that stands for a checkout. A module that is released replaces
// nothing after that: the go command installs no program of a module that does.
func pin(tree, version string) error {
	return filepath.WalkDir(tree, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".mod" {
			return err
		}
		folder, err := filepath.Rel(tree, filepath.Dir(name))
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		final := entry.Name() == "go.mod" && slices.Contains(released, filepath.ToSlash(folder))
		pinned, err := pinFile(name, text, version, final)
		if err != nil || bytes.Equal(pinned, text) {
			return err
		}
		return os.WriteFile(name, pinned, 0o644)
	})
}

// pinFile does it for one module file; final is one of a module that is released.
func pinFile(name string, text []byte, version string, final bool) ([]byte, error) {
	file, err := modfile.Parse(name, text, nil)
	if err != nil {
		return nil, err
	}
	for _, required := range file.Require {
		if !ours(required.Mod.Path) {
			continue
		}
		if final && !slices.ContainsFunc(released, func(folder string) bool { return importPath(folder) == required.Mod.Path }) {
			return nil, fmt.Errorf("%s requires %s, which is not released: add it to the list in tools/release/modules.go", name, required.Mod.Path)
		}
		if err := file.AddRequire(required.Mod.Path, version); err != nil {
			return nil, err
		}
	}
	for _, replaced := range slices.Clone(file.Replace) {
		switch {
		case !final:
		case !ours(replaced.Old.Path):
			return nil, fmt.Errorf("%s replaces %s: its users would get another module; require the version that it needs", name, replaced.Old.Path)
		default:
			if err := file.DropReplace(replaced.Old.Path, replaced.Old.Version); err != nil {
				return nil, err
			}
		}
	}
	file.Cleanup()
	return file.Format()
}

// complete adds to a module's folder what only a release knows or needs: the sums
// of our modules that it requires, and the licences, because a module's zip has
// nothing from above its folder.
func complete(tree, folder string, known sums) error {
	if folder == "." {
		return nil
	}
	for _, licence := range licences {
		text, err := os.ReadFile(filepath.Join(tree, licence))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(tree, folder, licence), text, 0o644); err != nil {
			return err
		}
	}
	mod, err := os.ReadFile(filepath.Join(tree, folder, "go.mod"))
	if err != nil {
		return err
	}
	file, err := modfile.ParseLax("go.mod", mod, nil)
	if err != nil {
		return err
	}
	name := filepath.Join(tree, folder, "go.sum")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	for _, required := range file.Require {
		if !ours(required.Mod.Path) {
			continue
		}
		zip, mod := required.Mod, module.Version{Path: required.Mod.Path, Version: required.Mod.Version + "/go.mod"}
		if known[zip] == "" || known[mod] == "" {
			return fmt.Errorf("%s requires %s, which is packed later: change the order in tools/release/modules.go", folder, zip)
		}
		text = append(text, known.line(zip)+known.line(mod)...)
	}
	return os.WriteFile(name, sorted(text), 0o644)
}

func (s sums) line(m module.Version) string {
	return fmt.Sprintf("%s %s %s\n", m.Path, m.Version, s[m])
}

// sorted returns a go.sum with each line once, in the go command's order.
func sorted(text []byte) []byte {
	lines := slices.Compact(slices.Sorted(strings.Lines(string(text))))
	key := func(line string) module.Version {
		words := strings.Fields(line)
		return module.Version{Path: words[0], Version: words[1]}
	}
	of := map[module.Version]string{}
	keys := make([]module.Version, len(lines))
	for i, line := range lines {
		keys[i] = key(line)
		of[keys[i]] += line
	}
	keys = slices.Compact(keys)
	module.Sort(keys)
	var out bytes.Buffer
	for _, k := range keys {
		out.WriteString(of[k])
	}
	return out.Bytes()
}

// add takes the sums of a module that was packed.
func (s sums) add(m module.Version, zip, mod string) error {
	sum, err := dirhash.HashZip(zip, dirhash.Hash1)
	if err != nil {
		return err
	}
	s[m] = sum
	sum, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return os.Open(mod) })
	if err != nil {
		return err
	}
	s[module.Version{Path: m.Path, Version: m.Version + "/go.mod"}] = sum
	return nil
}
