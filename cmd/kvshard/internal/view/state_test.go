package view

import (
	"testing"

	"github.com/kvshard/kvshard/cmd/kvshard/internal/clitest"
)

// The page tells what the store holds.
func TestState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := clitest.Leaves(300)
	clitest.OK(t, dir, "", "init", "--prefix", "6e")
	clitest.OK(t, dir, clitest.Raw(nodes), "append", "--checkpoint", "7")
	store := dataOf(t, clitest.OK(t, dir, "", "view", "-", "--leaf", "100")).Store
	if store.Size != 300 || store.Root != clitest.Root(t, nodes) || store.Prefix != "6e" || store.Witness.Leaf != nodes[100] {
		t.Errorf("%+v", store)
	}
	if len(store.ShardRuns) != 2 || store.ShardRuns[0] != [3]uint64{0, 17, 575} || store.Kinds["shard"].Records != 19 {
		t.Errorf("%v %v", store.ShardRuns, store.Kinds)
	}
	if _, _, code := clitest.Run(t, dir, "", "view", "--leaf", "300"); code != 4 {
		t.Errorf("a leaf that is not there: exit code %d", code)
	}
}
