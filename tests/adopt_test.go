package tests

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// plainShardTree returns the store that a plain ShardTree over the same leaves
// has: shards and checkpoints, no other records, and a flag on each leaf that a
// checkpoint ends with.
func plainShardTree(own *kvtest.MemStore, prefix []byte, sizes ...uint64) *kvtest.MemStore {
	plain := kvtest.NewMemStore()
	for _, pair := range own.Dump() {
		switch kvshard.ParseRecordKey(bytes.TrimPrefix(pair.Key, prefix)).Kind {
		case kvshard.KindShard, kvshard.KindCheckpoint:
			plain.Put(pair.Key, pair.Value)
		}
	}
	for _, size := range sizes {
		shard := kvshard.RecordName{Kind: kvshard.KindShard, Index: (size - 1) / kvshard.LeavesPerShard}
		key := append(bytes.Clone(prefix), shard.Key()...)
		value := plain.Peek(key)
		// The flags of leaf n are the n-th byte that comes after a tag 1 and 32
		// bytes.
		at, left := 1, int((size-1)%kvshard.LeavesPerShard)
		for ; ; left-- {
			for value[at] != 1 {
				at += map[byte]int{0: 1, 2: 2}[value[at]]
			}
			if left == 0 {
				break
			}
			at += 34
		}
		value[at+33] |= 1
		plain.Put(key, value)
	}
	return plain
}

// TestAdopt: the store of a plain ShardTree becomes the store of the tree that
// grew with the same leaves, and goes on as that tree does.
func TestAdopt(t *testing.T) {
	for _, prefix := range [][]byte{nil, []byte("notes/")} {
		own := kvtest.NewMemStore()
		tree := treetest.Open(t, own, kvshard.WithPrefix(prefix))
		var sizes []uint64
		for id, to := range []int{20, 64, 160, 300} {
			from, err := tree.Size()
			if err == nil {
				_, err = treetest.Block(tree, from, to-int(from), uint32(id+1))
			}
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, uint64(to))
		}
		root, err := tree.Root()
		if err != nil {
			t.Fatal(err)
		}
		plain := plainShardTree(own, prefix, sizes...)
		adopting := treetest.Open(t, plain, kvshard.WithPrefix(prefix))
		if _, err := adopting.Size(); !errors.Is(err, kvshard.ErrForeignStore) || !strings.Contains(err.Error(), "which Adopt takes over") {
			t.Fatalf("%v", err)
		}
		before := plain.Clone()
		if _, err := adopting.Adopt(treetest.LeafAt(1)); !errors.Is(err, kvshard.ErrRootMismatch) || !plain.Equal(before) {
			t.Fatalf("with another root: %v, the store:\n%s", err, plain.Diff(before))
		}
		for range 2 {
			size, err := adopting.Adopt(root)
			if size != 300 || err != nil {
				t.Fatalf("%d, %v", size, err)
			}
			if diff := plain.Diff(own); diff != "" {
				t.Fatal(diff)
			}
		}
		for _, tr := range []*kvshard.Tree{tree, adopting} {
			if _, err := treetest.Block(tr, 300, 50, 9); err != nil {
				t.Fatal(err)
			}
		}
		if diff := plain.Diff(own); diff != "" {
			t.Fatal(diff)
		}
		treetest.CheckTree(t, adopting)
	}
}

// TestAdoptCost: an iterator makes one step for each shard. A shard with a checkpoint
// costs one more get and one more set.
func TestAdoptCost(t *testing.T) {
	own := kvtest.NewMemStore()
	if _, err := treetest.Block(treetest.Open(t, own), 0, 3_200, 1); err != nil {
		t.Fatal(err)
	}
	root, err := treetest.Open(t, own).Root()
	if err != nil {
		t.Fatal(err)
	}
	plain := plainShardTree(own, nil, 3_200)
	var stats kvshard.Stats
	tree := treetest.Open(t, plain, kvshard.WithObserver(func(s kvshard.Stats) { stats = s }))
	if _, err := tree.Adopt(root); err != nil {
		t.Fatal(err)
	}
	// A get looks for the tip. Each of the seven kinds of record is listed: 200 shards and
	// one checkpoint have a step each. One shard has a flag: a get and a set. Then the sets of the cap, summary and tip, 25 quads of
	// level 5, 6 of level 7, 1 of level 9.
	want := kvshard.Stats{Op: "Adopt", Gets: 1 + 1, IterCreates: 7, IterNexts: 200 + 1, Sets: 1 + 3 + 25 + 6 + 1}
	if stats.Gets != want.Gets || stats.Sets != want.Sets || stats.IterCreates != want.IterCreates || stats.IterNexts != want.IterNexts || stats.Deletes != 0 {
		t.Errorf("%+v, want %+v", stats, want)
	}
	if perLeaf := float64(stats.Hashes) / 3_200; perLeaf > 1.01 {
		t.Errorf("%d hashes, %.3f a leaf", stats.Hashes, perLeaf)
	}
}
