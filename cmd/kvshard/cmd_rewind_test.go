package main

import (
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/exit"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/source"
)

func TestRewind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(60)
	ok(t, dir, "", "init")
	ok(t, dir, clitest.Raw(nodes[:20]), "append", "--checkpoint", "1")
	before := ok(t, dir, "", "dump", "--output", "json", "--values")
	ok(t, dir, clitest.Raw(nodes[20:]), "append", "--checkpoint", "2")
	got := okJSON[source.State](t, dir, "", "rewind", "1")
	if got.Size != 20 || got.Root.String() != clitest.Root(t, nodes[:20]) {
		t.Errorf("%+v", got)
	}
	if after := ok(t, dir, "", "dump", "--output", "json", "--values"); before != after {
		t.Error("the rewind left a trace")
	}
	if r := cli(t, dir, "", "rewind", "2"); r.code != exit.NotFound {
		t.Errorf("%+v", r)
	}
}
