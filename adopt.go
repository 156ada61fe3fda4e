//go:build cgo

package kvshard

// Adopt takes over a store that a plain shardtree::ShardTree wrote over a
// KvShardStore, or a program with the same records: shards, checkpoints, a cap
// perhaps. Until then every other call on it is [ErrForeignStore]. It returns
// the number of leaves. The store is then byte for byte that of a Tree that grew
// with the same leaves, marks and checkpoints, all of which stay: give it, and
// the calls that follow, the WithMaxCheckpoints of the tree's past.
//
// The leaves must have this root, which the caller knows from elsewhere; else
// it is [ErrRootMismatch]. Whatever Adopt does not understand is [ErrCorrupt],
// with its key: a gap between shards, an annotation that is wrong, a leaf that
// is not canonical, a checkpoint beyond the leaves or at a leaf that was not
// kept (a ShardTree merges a leaf without a mark into its parent), a record that
// is no ShardTree's. Nothing is written in these cases. A root that is not
// canonical is [ErrInvalidNode].
//
// The tip is written last. If the store fails before, it is still a foreign
// one, and Adopt is done again from the start. Of a store that has a tip, Adopt
// compares the root and does nothing.
//
// Cost: two Gets or steps of an iterator for each 16 leaves, and a Set where a
// shard is not as a Tree writes it, because a checkpoint is in it; a Set for each
// 128 leaves, and one for each checkpoint; one hash a leaf. It keeps two bytes a
// leaf in memory. It is for an upgrade handler, not for a transaction.
func (t *Tree) Adopt(root Node) (size uint64, err error) {
	err = t.run("Adopt", func(c *call) status { return c.adopt(root, &size) })
	if err != nil {
		return 0, err
	}
	return size, nil
}
