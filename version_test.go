package kvshard_test

import (
	"os"
	"regexp"
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
