package view

import (
	"flag"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

var picture = flag.String("picture", "", "write the README's picture to this `file` (make picture)")

// TestPicture makes the picture of the README: a tree of a million leaves in a
// window of 1400 by 790 points.
func TestPicture(t *testing.T) {
	if *picture == "" {
		t.Skip("make picture writes docs/view.png")
	}
	browser := chromiumPath(t)
	file, err := filepath.Abs(*picture)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	clitest.OK(t, dir, "", "init", "--dir", "notes")
	nodes := clitest.Leaves(1_000_000)
	from, id := 0, 100
	for _, size := range []int{667_000, 999_960, 999_970, 999_980, 999_990, 1_000_000} {
		clitest.OK(t, dir, clitest.Raw(nodes[from:size]), "append", "--dir", "notes", "--format", "raw", "--checkpoint", strconv.Itoa(id))
		if from == 0 {
			clitest.OK(t, dir, "", "checkpoint", "--dir", "notes", "--retain", strconv.Itoa(id))
			id = 115
		}
		from, id = size, id+1
	}
	clitest.OK(t, dir, "", "view", "--dir", "notes", "--leaf", "77777", "tree.html")
	chromium(t, browser, "--screenshot="+file, "--hide-scrollbars", "--window-size=1400,790", "file://"+filepath.Join(dir, "tree.html#theme=light"))
}
