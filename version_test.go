package kvshard_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
)

// TestVersionIsTheCrates: New and Open compare the library's version with a
// constant of the package, so that constant must be the crate's version.
func TestVersionIsTheCrates(t *testing.T) {
	manifest, err := os.ReadFile("rust/Cargo.toml")
	if err != nil {
		t.Fatal(err)
	}
	crate := regexp.MustCompile(`(?m)^version = "(.*)"`).FindSubmatch(manifest)
	if got := kvshard.Version(); crate == nil || got != string(crate[1]) {
		t.Errorf("the library is %s, the crate %q", got, crate)
	}
}

// TestPinnedVersions: what names the compiler that releases are made with names
// the same one.
func TestPinnedVersions(t *testing.T) {
	pinned := regexp.MustCompile(`(?m)^RUST_VERSION=(.*)$`).FindStringSubmatch(read(t, "build/versions"))
	if pinned == nil {
		t.Fatal("build/versions has no RUST_VERSION")
	}
	const workflows = ".github/workflows/"
	named := map[string]bool{}
	for _, name := range []string{"ci.yml", "cross.yml", "macos.yml", "release.yml", "supply-chain.yml"} {
		named[workflows+name] = true
	}
	others, err := filepath.Glob(workflows + "*.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range others {
		if name = filepath.ToSlash(name); !named[name] {
			named[name] = false // it need not use Rust
		}
	}
	for name, needed := range named {
		used := regexp.MustCompile(`rust-toolchain@(\S+)`).FindAllStringSubmatch(read(t, name), -1)
		if needed && len(used) == 0 {
			t.Errorf("%s names no version of Rust", name)
		}
		for _, version := range used {
			if version[1] != pinned[1] {
				t.Errorf("%s uses Rust %s, build/versions names %s", name, version[1], pinned[1])
			}
		}
	}
	oldest := regexp.MustCompile(`(?m)^rust-version = "(.*)"`).FindStringSubmatch(read(t, "rust/Cargo.toml"))
	if oldest == nil || !strings.HasPrefix(pinned[1], oldest[1]) {
		t.Errorf("rust/Cargo.toml names %q, releases are made with %s", oldest, pinned[1])
	}
}
