package main

// Why not cargo-cyclonedx and cargo-about? cargo-cyclonedx 0.5.9 lists 112
// crates, but 66 are linked: it counts procedural macros, and crates that only
// features for tests turn on. It does not know the libraries with their
// checksums, Rust's standard library, or the Go module that all of them belong
// to. cargo-about gives one licence and its text for "MIT OR Apache-2.0"; we
// want every licence text that a crate brings.

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The part of the output of cargo metadata that is used here.
type metadata struct {
	Packages []crate
	Resolve  struct {
		Root  string
		Nodes []struct {
			ID   string
			Deps []struct {
				Pkg      string
				DepKinds []struct{ Kind *string } `json:"dep_kinds"`
			}
		}
	}
}

type crate struct {
	ID, Name, Version string
	License           string
	Repository        string
	Source            *string
	ManifestPath      string `json:"manifest_path"`
	Targets           []struct{ Kind []string }

	needs []string // IDs
}

func (c crate) purl() string { return "pkg:cargo/" + c.Name + "@" + c.Version }

// linked returns the crates whose code can be in a library, the root first and
// then by name: those that normal dependencies lead to, on any platform. Tests,
// build scripts and crates that run only in the compiler are not among them.
func linked(root string) ([]crate, error) {
	cargo := exec.Command("cargo", "metadata", "--format-version=1", "--locked", "--manifest-path", filepath.Join(root, "rust", "Cargo.toml"))
	cargo.Stderr = os.Stderr
	text, err := cargo.Output()
	if err != nil {
		return nil, fmt.Errorf("cargo metadata: %w", err)
	}
	var meta metadata
	if err := json.Unmarshal(text, &meta); err != nil {
		return nil, err
	}
	byID := map[string]crate{}
	for _, c := range meta.Packages {
		byID[c.ID] = c
	}
	// Cargo metadata includes dependencies that only features for tests turn on.
	tree := exec.Command("cargo", "tree", "--locked", "--manifest-path", filepath.Join(root, "rust", "Cargo.toml"),
		"--edges=no-dev,no-build,no-proc-macro", "--target=all", "--prefix=none", "--format={p}")
	tree.Stderr = os.Stderr
	lines, err := tree.Output()
	if err != nil {
		return nil, fmt.Errorf("cargo tree: %w", err)
	}
	inTree := map[string]bool{} // "name vX.Y.Z"
	for line := range strings.Lines(string(lines)) {
		if words := strings.Fields(line); len(words) >= 2 {
			inTree[words[0]+" "+words[1]] = true
		}
	}
	needs := map[string][]string{}
	for _, node := range meta.Resolve.Nodes {
		for _, dep := range node.Deps {
			normal := false
			for _, kind := range dep.DepKinds {
				normal = normal || kind.Kind == nil
			}
			needed := byID[dep.Pkg]
			if normal && inTree[needed.Name+" v"+needed.Version] && !slices.ContainsFunc(needed.Targets, isProcMacro) {
				needs[node.ID] = append(needs[node.ID], dep.Pkg)
			}
		}
	}
	seen := map[string]bool{meta.Resolve.Root: true}
	queue := []string{meta.Resolve.Root}
	for at := 0; at < len(queue); at++ {
		for _, id := range needs[queue[at]] {
			if !seen[id] {
				seen[id] = true
				queue = append(queue, id)
			}
		}
	}
	crates := make([]crate, 0, len(queue))
	for _, id := range queue {
		c := byID[id]
		for _, need := range needs[id] {
			c.needs = append(c.needs, byID[need].purl())
		}
		slices.Sort(c.needs)
		crates = append(crates, c)
	}
	slices.SortFunc(crates[1:], func(a, b crate) int { return strings.Compare(a.purl(), b.purl()) })
	return crates, nil
}

func isProcMacro(t struct{ Kind []string }) bool { return slices.Contains(t.Kind, "proc-macro") }

// checksums returns the SHA-256 that Cargo.lock has for each "name version".
func checksums(root string) (map[string]string, error) {
	lock, err := os.ReadFile(filepath.Join(root, "rust", "Cargo.lock"))
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	entry := regexp.MustCompile(`name = "(.*)"\nversion = "(.*)"\nsource = ".*"\nchecksum = "(.*)"`)
	for _, m := range entry.FindAllStringSubmatch(string(lock), -1) {
		sums[m[1]+" "+m[2]] = m[3]
	}
	return sums, nil
}

func inventory(r release) error {
	crates, err := linked(r.root)
	if err != nil {
		return err
	}
	if got := "v" + crates[0].Version; got != r.version {
		return fmt.Errorf("the crate is %s, the release %s", got, r.version)
	}
	if err := writeSBOM(r, crates); err != nil {
		return err
	}
	return writeCrateLicences(r, crates[1:])
}

// Older crates write "MIT/Apache-2.0".
var slash = regexp.MustCompile(`\s*/\s*`)

type object = map[string]any

func writeSBOM(r release, crates []crate) error {
	sums, err := checksums(r.root)
	if err != nil {
		return err
	}
	self := "pkg:golang/" + modulePath + "@" + r.version
	var components, dependencies []object
	for i, c := range crates {
		if c.License == "" {
			return fmt.Errorf("the crate %s says no licence", c.Name)
		}
		component := object{
			"type": "library", "bom-ref": c.purl(), "name": c.Name, "version": c.Version, "purl": c.purl(),
			"licenses": []object{{"expression": slash.ReplaceAllString(c.License, " OR ")}},
		}
		if sum := sums[c.Name+" "+c.Version]; sum != "" {
			component["hashes"] = []object{{"alg": "SHA-256", "content": sum}}
		} else if i > 0 {
			return fmt.Errorf("no checksum of %s %s in Cargo.lock", c.Name, c.Version)
		}
		if c.Repository != "" {
			component["externalReferences"] = []object{{"type": "vcs", "url": c.Repository}}
		}
		components = append(components, component)
		dependencies = append(dependencies, object{"ref": c.purl(), "dependsOn": append([]string{}, c.needs...)})
	}
	components = append(components, object{
		"type": "library", "bom-ref": "rust-std", "name": "std", "licenses": []object{{"expression": "MIT OR Apache-2.0"}},
		"description": "Rust's standard library, of the compiler that lib/TOOLCHAINS names for each library",
	})
	libraries, err := filepath.Glob(filepath.Join(r.module, "lib", "*", "libkvshard.a"))
	if err != nil {
		return err
	}
	slices.Sort(libraries)
	uses := []string{crates[0].purl(), "rust-std"}
	for _, path := range libraries {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(r.module, path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		components = append(components, object{
			"type": "file", "bom-ref": name, "name": name,
			"hashes": []object{{"alg": "SHA-256", "content": hex.EncodeToString(sum[:])}},
		})
		dependencies = append(dependencies, object{"ref": name, "dependsOn": uses})
	}
	serial := sha256.Sum256([]byte(self + r.time.String()))
	bom := object{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
		"serialNumber": "urn:uuid:" + uuid(serial),
		"metadata": object{
			"timestamp": r.time,
			"component": object{"type": "library", "bom-ref": self, "name": modulePath, "version": r.version, "purl": self, "licenses": []object{{"expression": "MIT OR Apache-2.0"}}},
		},
		"components": components, "dependencies": dependencies,
	}
	text, err := json.MarshalIndent(bom, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.module, "sbom.json"), append(text, '\n'), 0o644)
}

// uuid makes a UUID of version 8 from a hash.
func uuid(hash [32]byte) string {
	hash[6] = hash[6]&0x0F | 0x80
	hash[8] = hash[8]&0x3F | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", hash[:4], hash[4:6], hash[6:8], hash[8:10], hash[10:16])
}
