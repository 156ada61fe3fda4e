package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	// The programs of a release are Go's.
	goPinned := regexp.MustCompile(`(?m)^GO_VERSION=go(.*)$`).FindStringSubmatch(read(t, "build/versions"))
	if goPinned == nil || !strings.Contains(read(t, workflows+"release.yml"), "go-version: "+goPinned[1]+",") {
		t.Errorf("release.yml does not use the Go of build/versions, %q", goPinned)
	}
	oldest := regexp.MustCompile(`(?m)^rust-version = "(.*)"`).FindStringSubmatch(read(t, "rust/Cargo.toml"))
	if oldest == nil || !strings.HasPrefix(pinned[1], oldest[1]) {
		t.Errorf("rust/Cargo.toml names %q, releases are made with %s", oldest, pinned[1])
	}
}

// required returns the modules that a go.mod asks for, with their versions, and
// which of them the module itself imports.
func required(t *testing.T, name string) (versions map[string]string, direct []string) {
	t.Helper()
	versions = map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*(\S+\.\S+/\S+) (v\S+)( // indirect)?`).FindAllStringSubmatch(read(t, name), -1) {
		versions[m[1]] = m[2]
		if m[3] == "" {
			direct = append(direct, m[1])
		}
	}
	return versions, direct
}

// TestModuleFile: the module asks for the oldest versions that it works with, so
// that a chain may keep its own. A cosmossdk.io/core of v1 brings a
// cosmossdk.io/api of v1, which lacks packages that SDK 0.50 and 0.53 import: a
// chain on these would stop building. go.sum has a line for each module that is
// looked at on the way, so no dependency can bring it unseen.
func TestModuleFile(t *testing.T) {
	versions, direct := required(t, "go.mod")
	if want := []string{"cosmossdk.io/core", "github.com/cosmos/cosmos-db"}; !slices.Equal(direct, want) {
		t.Errorf("go.mod asks for %s, want %s alone", direct, want)
	}
	if got := versions["cosmossdk.io/core"]; got != "v0.11.3" {
		t.Errorf("go.mod asks for cosmossdk.io/core %s, want v0.11.3, as SDK 0.53 does", got)
	}
	v1 := regexp.MustCompile(`(?m)^cosmossdk\.io/(api|core) v[^0]\S*`)
	for _, name := range []string{"go.mod", "go.sum", "tools/compat/go.mod", "tools/compat/sdk-0.50.mod"} {
		text := read(t, name)
		if !strings.Contains(text, "cosmossdk.io/core v0.") {
			t.Errorf("%s has no cosmossdk.io/core v0", name)
		}
		if found := v1.FindString(strings.ReplaceAll(text, "\t", "")); found != "" {
			t.Errorf("%s has %s: no chain on SDK 0.53 builds with that", name, found)
		}
	}
}

// TestCompatIsOfEachSDK: what make test-sdk-050 and test-sdk-053 build is what
// they say, and has what a wrong go.mod breaks.
func TestCompatIsOfEachSDK(t *testing.T) {
	for name, minor := range map[string]string{"tools/compat/go.mod": "v0.53.", "tools/compat/sdk-0.50.mod": "v0.50.", "examples/shieldchain/go.mod": "v0.55."} {
		versions, _ := required(t, name)
		if got := versions["github.com/cosmos/cosmos-sdk"]; !strings.HasPrefix(got, minor) {
			t.Errorf("%s asks for SDK %s, want %s*", name, got, minor)
		}
	}
	imported := imports(goFile(t, "tools/compat/app.go"))
	for _, name := range []string{"x/group/module", "x/crisis", "testutil/configurator"} {
		if !slices.Contains(imported, "github.com/cosmos/cosmos-sdk/"+name) {
			t.Errorf("tools/compat does not import %s", name)
		}
	}
}
