package kvshard_test

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"testing"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
)

// leafAt returns the leaf that tests put at a position: a hash of the number,
// below the modulus, and no two alike.
func leafAt(position uint64) kvshard.Node {
	leaf := kvshard.Node(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, position)))
	leaf[31] &= 0x3F
	return leaf
}

// leavesAt returns the leaves at the positions from first up.
func leavesAt(first uint64, n int) []kvshard.Node {
	leaves := make([]kvshard.Node, n)
	for i := range leaves {
		leaves[i] = leafAt(first + uint64(i))
	}
	return leaves
}

// open returns a Tree over the store.
func open(t testing.TB, kv store.KVStore, opts ...kvshard.Option) *kvshard.Tree {
	t.Helper()
	tree, err := kvshard.Open(kv, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// grow appends leaves, those of leafAt, until the tree has this size.
func grow(t testing.TB, tree *kvshard.Tree, size uint64) {
	t.Helper()
	const batch = 1 << 16 // leaves in memory at once
	for {
		now, err := tree.Size()
		if err != nil {
			t.Fatal(err)
		}
		if now >= size {
			return
		}
		if _, err := tree.AppendBatch(leavesAt(now, int(min(size-now, batch)))); err != nil {
			t.Fatal(err)
		}
	}
}

// block appends n leaves behind size, makes a checkpoint and takes the root:
// what a chain does in a block.
func block(tree *kvshard.Tree, size uint64, n int, id uint32) (kvshard.Node, error) {
	if _, err := tree.AppendBatch(leavesAt(size, n)); err != nil {
		return kvshard.Node{}, err
	}
	if err := tree.Checkpoint(id); err != nil {
		return kvshard.Node{}, err
	}
	return tree.Root()
}

// checkTree fails the test if an invariant of the tree is broken.
func checkTree(t testing.TB, tree *kvshard.Tree) {
	t.Helper()
	if err := tree.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
}

// clean fails the test for what the store found wrong, and for an iterator
// that is open.
func clean(t testing.TB, mem *kvtest.MemStore) {
	t.Helper()
	kvtest.Finish(t, mem)
}

// large tells whether the tests that take minutes are wanted: make test-large.
func large() bool { return os.Getenv("KVSHARD_LARGE") == "1" }
