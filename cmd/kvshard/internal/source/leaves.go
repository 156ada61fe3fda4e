package source

import "github.com/kvshard/kvshard"

// A LeafReader reads a tree's leaves, a shard's record for sixteen of them.
type LeafReader struct {
	s      *Source
	tree   *kvshard.Tree
	read   bool
	index  uint64
	leaves []kvshard.ShardLeaf // of the shard at index; nil if not all of them were kept
}

// Leaves returns a reader of the tree's leaves; the tree is that of the source.
func (s *Source) Leaves(tree *kvshard.Tree) *LeafReader { return &LeafReader{s: s, tree: tree} }

// Leaf does as [kvshard.Tree.Leaf] does.
func (r *LeafReader) Leaf(position uint64) (kvshard.Node, error) {
	if index := position / kvshard.LeavesPerShard; !r.read || index != r.index {
		leaves, err := r.shard(index)
		if err != nil {
			return kvshard.Node{}, err
		}
		r.read, r.index, r.leaves = true, index, leaves
	}
	if i := position % kvshard.LeavesPerShard; i < uint64(len(r.leaves)) {
		return r.leaves[i].Node, nil
	}
	return r.tree.Leaf(position)
}

// shard returns the leaves of a shard if all of them were kept. Of a record that is
// broken the tree tells more.
func (r *LeafReader) shard(index uint64) ([]kvshard.ShardLeaf, error) {
	record, found, err := kvshard.ReadRecord(r.s.KV, kvshard.RecordName{Kind: kvshard.KindShard, Index: index}, r.s.Options...)
	if err != nil || !found {
		return nil, err
	}
	shard, err := record.Shard()
	if err != nil || !shard.Whole {
		return nil, nil
	}
	return shard.Leaves, nil
}
