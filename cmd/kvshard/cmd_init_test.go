package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

// What an init that was killed at any moment leaves does not
// stand in the way, and a database with something in it does.
func TestInitAfterKilledInit(t *testing.T) {
	t.Parallel()
	for _, backend := range []string{"goleveldb", "pebble"} {
		dir := t.TempDir()
		ok(t, dir, "", "init", "--dir", "whole", "--backend", backend)
		tree := filepath.Join(dir, "tree")
		for _, left := range []string{"making.db/LOG", "making.lock", "tree.db"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(tree, left)), 0o755); err != nil {
				t.Fatal(err)
			}
			if left == "tree.db" {
				if err := os.CopyFS(filepath.Join(tree, left), os.DirFS(filepath.Join(dir, "whole/tree.db"))); err != nil {
					t.Fatal(err)
				}
			} else {
				write(t, tree, left, "")
			}
			ok(t, dir, "", "init", "--backend", backend)
			entries, err := os.ReadDir(tree)
			if err != nil || len(entries) != 2 {
				t.Errorf("%s: %v %v", left, entries, err)
			}
			ok(t, dir, "", "check")
			if err := os.RemoveAll(tree); err != nil {
				t.Fatal(err)
			}
		}
		ok(t, dir, "", "init", "--backend", backend)
		ok(t, dir, clitest.Raw(clitest.Leaves(3)), "append")
		if err := os.Remove(filepath.Join(tree, source.ConfigName)); err != nil {
			t.Fatal(err)
		}
		if r := cli(t, dir, "", "init", "--backend", backend); r.code != exit.State || !strings.Contains(r.err, "there is a database") {
			t.Errorf("%s: %+v", backend, r)
		}
	}
}
