package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
)

// What the page shows is tested in internal/view; here is how the command is called.
func TestView(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(clitest.Leaves(20)), "append")
	if out := ok(t, dir, "", "view"); out != "tree.html: 20 leaves; open it in a browser\n" {
		t.Errorf("%q", out)
	}
	page := ok(t, dir, "", "view", "-")
	if file, err := os.ReadFile(filepath.Join(dir, "tree.html")); err != nil || string(file) != page || !strings.HasPrefix(page, "<!doctype html>") {
		t.Errorf("%v: %d bytes in the file, %d on standard output", err, len(file), len(page))
	}
	type told struct {
		File  string
		Bytes int
		Size  uint64
	}
	if got := okJSON[told](t, dir, "", "view", "named.html"); got != (told{"named.html", len(page), 20}) {
		t.Errorf("%+v", got)
	}
	if r := cli(t, dir, "", "view", "--leaf", "20"); r.code != exit.NotFound {
		t.Errorf("%+v", r)
	}
	if r := cli(t, dir, "", "view", "a", "b"); r.code != exit.Usage {
		t.Errorf("%+v", r)
	}
}
