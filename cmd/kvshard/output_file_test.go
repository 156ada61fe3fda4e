package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

// Every command that writes a file does it so: what it cannot finish is not seen.
func TestOutputsReplaceFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(clitest.Leaves(50)), "append", "--checkpoint", "1")
	for _, args := range [][]string{
		{"export", "out"}, {"export", "--form", "leaves", "out"}, {"view", "out"},
		{"witness", "3", "--file", "out"}, {"witness", "3", "--binary", "--file", "out"},
	} {
		write(t, dir, "out", "old")
		before, err := os.Stat(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		ok(t, dir, "", args...)
		after, err := os.Stat(filepath.Join(dir, "out"))
		if err != nil || os.SameFile(before, after) || after.Size() < 100 {
			t.Errorf("%v wrote into the file that was there, %v", args, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "out.*")); len(left) > 0 {
			t.Error(left)
		}
	}
}
