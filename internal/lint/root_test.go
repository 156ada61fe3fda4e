// Package lint holds the house rules of the repository: what a file may import,
// that documents name what exists, that versions agree. Each rule is a test; none
// of it is built into anything.
package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestMain runs the tests in the root of the module, so that they name files as
// the documents do.
func TestMain(m *testing.M) {
	if err := toRoot(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// toRoot changes to the nearest folder upwards that has a go.mod.
func toRoot() error {
	start, err := os.Getwd()
	if err != nil {
		return err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return os.Chdir(dir)
		}
		if dir == filepath.Dir(dir) {
			return fmt.Errorf("there is no go.mod in %s or above it: run the tests in a checkout", start)
		}
	}
}
