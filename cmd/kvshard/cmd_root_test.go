package main

import (
	"fmt"
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func TestRoot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(30)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes[:10]), "append", "--checkpoint", "7")
	ok(t, dir, clitest.Raw(nodes[10:]), "append")
	now, then := clitest.Root(t, nodes), clitest.Root(t, nodes[:10])
	for _, c := range []struct {
		args []string
		root string
		size int
	}{
		{[]string{"root"}, now, 30},
		{[]string{"root", "--at", "7"}, then, 10},
		{[]string{"root", "--db", "tree/tree.db"}, now, 30},
		{[]string{"root", "--db", "tree/tree.db", "--at", "7"}, then, 10},
	} {
		if out := ok(t, dir, "", c.args...); out != fmt.Sprintf("%s  size %d\n", c.root, c.size) {
			t.Errorf("%v: %s", c.args, out)
		}
		got := okJSON[source.State](t, dir, "", c.args...)
		if got.Root.String() != c.root || got.Size != uint64(c.size) || (got.Checkpoint != nil) != (c.root == then) {
			t.Errorf("%v in JSON: %+v", c.args, got)
		}
	}
}
