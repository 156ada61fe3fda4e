package view

import "testing"

// The page tells what the store holds.
func TestState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := leaves(300)
	ok(t, dir, "", "init", "--prefix", "6e")
	ok(t, dir, raw(nodes), "append", "--checkpoint", "7")
	store := dataOf(t, ok(t, dir, "", "view", "-", "--leaf", "100")).Store
	if store.Size != 300 || store.Root.String() != rootOf(t, nodes) || store.Prefix != "6e" || store.Witness.Leaf != nodes[100] {
		t.Errorf("%+v", store)
	}
	if len(store.ShardRuns) != 2 || store.ShardRuns[0] != [3]uint64{0, 17, 575} || store.Kinds["shard"].Records != 19 {
		t.Errorf("%v %v", store.ShardRuns, store.Kinds)
	}
	if _, code := command(t, dir, "", "view", "--leaf", "300"); code != 4 {
		t.Errorf("a leaf that is not there: exit code %d", code)
	}
}
