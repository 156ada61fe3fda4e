package treetest

import (
	"errors"
	"io"
	"testing"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
)

// Calls has one entry for each method of Tree that reads or writes. In this
// order they succeed on the tree of Fill.
var Calls = []struct {
	Name string
	Call func(*kvshard.Tree) error
}{
	{"Append", func(t *kvshard.Tree) error { _, err := t.Append(kvshard.Node{99}); return err }},
	{"AppendBatch", func(t *kvshard.Tree) error {
		_, err := t.AppendBatch(make([]kvshard.Node, 40))
		return err
	}},
	{"AppendBatch", func(t *kvshard.Tree) error { _, err := t.AppendBatch(nil); return err }},
	{"Checkpoint", func(t *kvshard.Tree) error { return t.Checkpoint(50) }},
	{"Size", func(t *kvshard.Tree) error { _, err := t.Size(); return err }},
	{"SizeAt", func(t *kvshard.Tree) error { _, err := t.SizeAt(10); return err }},
	{"Root", func(t *kvshard.Tree) error { _, err := t.Root(); return err }},
	{"RootAt", func(t *kvshard.Tree) error { _, err := t.RootAt(10); return err }},
	{"Leaf", func(t *kvshard.Tree) error { _, err := t.Leaf(3); return err }},
	{"Nodes", func(t *kvshard.Tree) error { _, err := t.Nodes(2, 1, 11); return err }},
	{"Witness", func(t *kvshard.Tree) error { _, err := t.Witness(3); return err }},
	{"WitnessAt", func(t *kvshard.Tree) error { _, err := t.WitnessAt(3, 10); return err }},
	{"RetainCheckpoint", func(t *kvshard.Tree) error { return t.RetainCheckpoint(10) }},
	{"ReleaseCheckpoint", func(t *kvshard.Tree) error { return t.ReleaseCheckpoint(10) }},
	{"RemoveMark", func(t *kvshard.Tree) error { _, err := t.RemoveMark(2, 20); return err }},
	{"Checkpoints", func(t *kvshard.Tree) error {
		for _, err := range t.Checkpoints() {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"Newest", func(t *kvshard.Tree) error { _, _, err := t.Newest(); return err }},
	{"Frontier", func(t *kvshard.Tree) error { _, err := t.Frontier(); return err }},
	{"FrontierAt", func(t *kvshard.Tree) error { _, err := t.FrontierAt(10); return err }},
	{"FrontierAtSize", func(t *kvshard.Tree) error { _, err := t.FrontierAtSize(35); return err }},
	{"Check", func(t *kvshard.Tree) error { return t.Check() }},
	{"Dump", func(t *kvshard.Tree) error { return t.Dump(io.Discard) }},
	{"Rewind", func(t *kvshard.Tree) error { return t.Rewind(10) }},
	{"Adopt", func(t *kvshard.Tree) error {
		// The root depends on the calls before, so any root mismatch is right.
		if _, err := t.Adopt(kvshard.Node{}); !errors.Is(err, kvshard.ErrRootMismatch) {
			return err
		}
		return nil
	}},
}

func fillLeaves() []kvshard.Node {
	leaves := make([]kvshard.Node, 50)
	for i := range leaves {
		leaves[i][0] = byte(i + 1)
	}
	return leaves
}

// Fill appends 50 leaves and makes the checkpoints 10, 20 and 30, at 20, 40 and
// 50 leaves.
func Fill(t testing.TB, kv store.KVStore, opts ...kvshard.Option) *kvshard.Tree {
	t.Helper()
	tree, err := TryOpen(kv, opts...)
	if err != nil {
		t.Fatal(err)
	}
	leaves := fillLeaves()
	from := 0
	for id, to := range []int{20, 40, 50} {
		if _, err := tree.AppendBatch(leaves[from:to]); err != nil {
			t.Fatal(err)
		}
		if err := tree.Checkpoint(uint32(id+1) * 10); err != nil {
			t.Fatal(err)
		}
		from = to
	}
	return tree
}
