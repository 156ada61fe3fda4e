package source

import (
	"encoding/binary"
	"slices"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/cmd/kvshard/internal/record"
)

// A LeafReader reads a tree's leaves, a shard's record for sixteen of them.
type LeafReader struct {
	s      *Source
	tree   *kvshard.Tree
	read   bool
	index  uint64
	leaves []kvshard.Node // of the shard at index; nil if not all of them were kept
}

// Leaves returns a reader of the tree's leaves; the tree is that of the source.
func (s *Source) Leaves(tree *kvshard.Tree) *LeafReader { return &LeafReader{s: s, tree: tree} }

// Leaf does as [kvshard.Tree.Leaf] does.
func (r *LeafReader) Leaf(position uint64) (kvshard.Node, error) {
	if index := position / 16; !r.read || index != r.index {
		key := binary.BigEndian.AppendUint64(append(slices.Clip(r.s.Prefix), record.Shard), index)
		value, err := r.s.KV.Get(key)
		if err != nil {
			return kvshard.Node{}, err
		}
		leaves, whole, _ := record.ShardLeaves(value)
		if !whole {
			leaves = nil
		}
		r.read, r.index, r.leaves = true, index, leaves
	}
	if i := position % 16; i < uint64(len(r.leaves)) {
		return r.leaves[i], nil
	}
	return r.tree.Leaf(position)
}
