//go:build cgo

package kvshard

import (
	"iter"

	"cosmossdk.io/core/store"
)

// A Tree is a note commitment tree in a store. It holds its options and a
// reference to the store, and nothing of the tree: no position, no cache, no
// count. Each method reads what it needs, so a Tree cannot disagree with its
// store, and needs no Close.
//
// Errors: a method that fails returns an [*Error]; [Tree.Check] and
// [Tree.Dump] can return others too, as they say. Each method names its own
// errors. Every method can also return [ErrStore] (the store's own error is
// wrapped beside it), [ErrForeignStore], [ErrCorrupt], [ErrUnsupportedVersion]
// and [ErrInternal]. A method reads and checks everything that it needs before
// it writes. So after any error but that of a failed write the store is as it
// was. If the store panics, as the SDK's do when gas runs out, the method
// panics with the identical value, after it has closed its iterators.
//
// Cost: each method says how many operations it makes on the store: gets,
// sets, deletes, iterators, and steps of iterators. A call on a store without a
// tree looks once for keys of another program: 1 iterator more.
//
// Only [New] and [Open] make a Tree. Every method of a nil *Tree or a zero Tree
// returns [ErrStore]: they have no store.
//
// Concurrency: a Tree is for one goroutine at a time. Trees over different
// stores share nothing.
type Tree struct {
	proxy   *StoreProxy
	options options
}

// New returns a Tree over the proxy's store, for a keeper that keeps one Tree
// and sets the store before each use. The store may still be nil.
//
// Errors: [ErrInvalidArgument] for a nil proxy or a bad option;
// [ErrUnsupportedVersion] if the linked library is of another release.
//
// Cost: it does not touch the store.
func New(p *StoreProxy, opts ...Option) (*Tree, error) {
	const op = "New"
	if p == nil {
		return nil, invalidArgument(op, "the proxy is nil")
	}
	return newTree(op, p, opts)
}

// Open returns a Tree over the store. A keeper may open one for each call:
//
//	tree, err := kvshard.Open(k.storeService.OpenKVStore(ctx))
//
// Errors: [ErrStore] for a nil store, or a nil pointer as the store;
// [ErrInvalidArgument] for a bad option; [ErrUnsupportedVersion] if the linked
// library is of another release.
//
// Cost: it does not touch the store, and makes a few small allocations.
func Open(kv store.KVStore, opts ...Option) (*Tree, error) {
	const op = "Open"
	if missing(kv) {
		return nil, noStore(op, "there is none: the argument is nil")
	}
	return newTree(op, NewStoreProxy(kv), opts)
}

func newTree(op string, p *StoreProxy, opts []Option) (*Tree, error) {
	o, err := apply(op, opts)
	if err != nil {
		return nil, err
	}
	if err := mismatch(op); err != nil {
		return nil, err
	}
	return &Tree{proxy: p, options: o}, nil
}

func noStore(op, why string) error {
	return &Error{Op: op, Kind: ErrStore, What: why}
}

// run makes one call of the engine. Every method goes through it.
func (t *Tree) run(op string, f func(*call) status) error {
	switch {
	case t == nil || t.proxy == nil:
		return t.observe(Stats{Op: op}, noStore(op, "there is none: make the Tree with New or Open"))
	case missing(t.proxy.kv):
		return t.observe(Stats{Op: op}, noStore(op, "there is none: give the proxy one with SetStore"))
	}
	c := newCall(op, t.proxy.kv, &t.options)
	s := func() status {
		defer c.end()
		return f(c)
	}()
	if c.view.panicked {
		// Rust has returned and everything is given back. From here the store's
		// panic goes on to the SDK's own recovery.
		panic(c.view.panicValue)
	}
	return t.observe(c.stats(), c.err(op, s))
}

// refuse ends a call whose arguments are bad, before it does anything.
func (t *Tree) refuse(op, format string, args ...any) error {
	return t.observe(Stats{Op: op}, invalidArgument(op, format, args...))
}

func (t *Tree) observe(s Stats, err error) error {
	if t != nil && t.options.observer != nil {
		t.options.observer(s)
	}
	return err
}

// Append adds a leaf and returns its position, which is the size before.
//
// Errors: [ErrInvalidNode] if the leaf is not canonical; [ErrTreeFull] if the
// tree has 2^32 leaves.
//
// Cost: 4 operations and 1 hash on average, at any size: it reads and writes
// the tip and the shard that is not full. The 16th leaf of a shard pays for all
// hashes of the shard. One leaf in 128 also writes the cap and a quad, one in
// 512 a second quad, and so on.
func (t *Tree) Append(leaf Node) (position uint64, err error) {
	err = t.run("Append", func(c *call) status { return c.append([]Node{leaf}, &position) })
	if err != nil {
		return 0, err
	}
	return position, nil
}

// AppendBatch adds leaves in this order and returns the position of the first.
// The store ends up with the same content as after single Appends, or after
// batches of any other size. It adds all leaves or none. Without leaves it
// returns the tree's size and writes nothing.
//
// Errors: [ErrInvalidNode] if a leaf is not canonical, with its index in
// [Error.Index]; [ErrTreeFull] if the leaves do not fit.
//
// Cost: 1 set for each shard that the leaves reach, 1 set of the tip, and
// 1 hash a leaf on average. It reads the tip, and the shard that is not full.
// Where 128 leaves are complete it also writes the cap, once in a batch, and a
// quad for each 64 leaves and fewer for the levels above. Without leaves it
// makes 1 get.
func (t *Tree) AppendBatch(leaves []Node) (first uint64, err error) {
	err = t.run("AppendBatch", func(c *call) status {
		if len(leaves) == 0 {
			return c.size(&first)
		}
		return c.append(leaves, &first)
	})
	if err != nil {
		return 0, err
	}
	return first, nil
}

// Checkpoint remembers the tree as it is now under this id, say the height of
// the block. If more than [WithMaxCheckpoints] are then kept, it prunes the
// oldest one that is not retained; if several are too many, at most
// [MaxPruned] in a call.
//
// Errors: [ErrCheckpointOrder] if the id is not above that of the newest
// checkpoint, or is 4294967295, which no other id could follow.
//
// Cost: 2 gets, 2 sets, 1 delete, 1 iterator and 1 step, however many
// checkpoints are kept. That is with a checkpoint to prune; without it makes 2
// gets and 2 sets. While checkpoints are retained it makes 1 set and 1 delete
// more, however many and whatever their ids. If only the pruned checkpoint kept
// a leaf without a mark, it also reads and writes that leaf's shard. It clears
// at most 16 removed marks in a call, each for 3 operations and those of its
// shard, and finds them with an iterator.
func (t *Tree) Checkpoint(id uint32) error {
	return t.run("Checkpoint", func(c *call) status { return c.checkpoint(id) })
}

// Size returns the number of leaves, 0 to 2^32. Those that were appended after
// the newest checkpoint count.
//
// Errors: those of every method, see [Tree].
//
// Cost: 1 get.
func (t *Tree) Size() (size uint64, err error) {
	err = t.run("Size", func(c *call) status { return c.size(&size) })
	if err != nil {
		return 0, err
	}
	return size, nil
}

// SizeAt returns the number of leaves that the tree had at a checkpoint.
//
// Errors: [ErrCheckpointNotFound].
//
// Cost: 2 gets.
func (t *Tree) SizeAt(id uint32) (size uint64, err error) {
	err = t.run("SizeAt", func(c *call) status { return c.sizeAt(id, &size) })
	if err != nil {
		return 0, err
	}
	return size, nil
}

// Root returns the root of all leaves, checkpointed or not. For an empty tree
// it is EmptyRoot(32). This is Orchard's anchor.
//
// Errors: those of every method, see [Tree].
//
// Cost: at most 3 gets and 44 hashes: 15 in the newest shard, 1 for each level
// above it, and 1 more.
func (t *Tree) Root() (root Node, err error) {
	err = t.run("Root", func(c *call) status { return c.root(&root) })
	if err != nil {
		return Node{}, err
	}
	return root, nil
}

// RootAt returns the root that the tree had at a checkpoint.
//
// Errors: [ErrCheckpointNotFound].
//
// Cost: at most 4 gets and 44 hashes while the tree has not grown since. Once
// it has grown, at most 1 get and 15 hashes more for another shard, and 1 get
// and 1 hash for each two levels of nodes that were completed since.
func (t *Tree) RootAt(id uint32) (root Node, err error) {
	err = t.run("RootAt", func(c *call) status { return c.rootAt(id, &root) })
	if err != nil {
		return Node{}, err
	}
	return root, nil
}

// Leaf returns the leaf at a position.
//
// Errors: [ErrPositionNotFound] if the position is not below the size;
// [ErrPruned] if the leaf was not kept.
//
// Cost: 2 gets.
func (t *Tree) Leaf(position uint64) (leaf Node, err error) {
	err = t.run("Leaf", func(c *call) status { return c.leaf(position, &leaf) })
	if err != nil {
		return Node{}, err
	}
	return leaf, nil
}

// MaxNodes is the number of nodes that one call of [Tree.Nodes] returns at
// most: as many as a subtree of level 16 has leaves.
const MaxNodes = 1 << 16

// Nodes returns complete nodes of a level, those with the indices first to
// first+count-1. Level 0 has the leaves; level 16 has the subtree roots that
// Zcash's wallets start from. Node i of a level covers the leaves i*2^level to
// (i+1)*2^level-1, and is complete when all of them are there. A complete node
// changes only by [Tree.Rewind]. A count of 0 gives none, if first is not beyond
// the complete nodes.
//
// A wallet makes a tree of its own from nodes, a frontier, and the leaves of the
// one subtree that has its note. Its tree has the same root and witness. These
// calls do not tell which leaf it will prove, as [Tree.Witness] does.
//
// Errors: [ErrInvalidArgument] if the level is not 0 to [Depth], or the count is
// above [MaxNodes]; [ErrPositionNotFound] if a node is not complete, or first is
// beyond the complete nodes; [ErrPruned] if a node was not kept. Nodes of level 4
// and up are always kept, except those before the frontier that a tree started
// from.
//
// Cost: it grows with count, not with the size, and each record is read once. A
// Get of the tip; up to level 4 a Get for each shard of 16 leaves in the range;
// above, a Get for each quad (four nodes of level 5, 7, 9, and so on), and from
// level 6 up one of the cap. Leaves take no hash, level 4 takes 15 a node, other
// even levels one and odd ones none; at the newest end of the tree a few more
// Gets and hashes. The largest call is one at level 4: 65,537 Gets, 983,040 hashes,
// and less than 80 MB of memory, the store's answers included. A server that
// answers anyone bounds count lower, say at 4,096.
func (t *Tree) Nodes(level int, first, count uint64) (nodes []Node, err error) {
	const op = "Nodes"
	switch {
	case level < 0 || level > Depth:
		return nil, t.refuse(op, "level %d, want 0 to %d", level, Depth)
	case count > MaxNodes:
		return nil, t.refuse(op, "%d nodes, want at most %d: ask for the rest in further calls", count, MaxNodes)
	}
	err = t.run(op, func(c *call) status { return c.nodes(uint32(level), first, count, &nodes) })
	if err != nil {
		return nil, err
	}
	return nodes, nil
}

// Witness proves the leaf at a position against [Tree.Root].
//
// Errors: [ErrPositionNotFound] if the position is not below the size;
// [ErrPruned] if the leaf was not kept.
//
// Cost: at most 5 gets, and 1 for each two levels from level 5 up: 13 gets and
// some 50 hashes in a tree of a million leaves.
func (t *Tree) Witness(position uint64) (Witness, error) {
	w := Witness{Position: position}
	err := t.run("Witness", func(c *call) status { return c.witness(position, &w.Path) })
	if err != nil {
		return Witness{}, err
	}
	return w, nil
}

// WitnessAt proves the leaf at a position against [Tree.RootAt] of a
// checkpoint.
//
// Errors: [ErrCheckpointNotFound]; [ErrPositionNotFound] if the leaf was not
// there yet; [ErrPruned] if it was not kept.
//
// Cost: that of [Tree.Witness], 1 get of the checkpoint, and 1 get for each two
// levels of nodes that were completed since. It does not depend on how many
// checkpoints are kept, nor on how many marks were removed.
func (t *Tree) WitnessAt(position uint64, id uint32) (Witness, error) {
	w := Witness{Position: position}
	err := t.run("WitnessAt", func(c *call) status { return c.witnessAt(position, id, &w.Path) })
	if err != nil {
		return Witness{}, err
	}
	return w, nil
}

// Rewind takes the tree back to a checkpoint, which stays. It undoes later
// leaves and checkpoints, and the removals of marks as of this checkpoint or a
// later one. They leave no trace in the store.
//
// Errors: [ErrCheckpointNotFound].
//
// Cost: it grows with what is undone: 1 get and 1 delete a shard, 1 delete a
// quad, 1 step and 1 delete a checkpoint, 4 operations a removed mark. The
// rest is at most 7 gets, 4 sets and 2 iterators.
func (t *Tree) Rewind(id uint32) error {
	return t.run("Rewind", func(c *call) status { return c.rewind(id) })
}

// A Checkpoint is a state of the tree that it remembers.
type Checkpoint struct {
	// ID is the caller's, say the height of a block.
	ID uint32
	// Size is the number of leaves at the checkpoint.
	Size uint64
	// Retained tells that it is exempt from pruning.
	Retained bool
}

// Checkpoints yields the checkpoints, oldest first. It reads them all and
// closes its iterators before it yields the first, so the body of the loop may
// use and write the tree and its store. Each range over the sequence reads
// anew.
//
// Errors: those of every method, see [Tree]. An error is the first and only
// step of the sequence, and comes with a zero Checkpoint.
//
// Cost: 2 gets, 1 iterator, and 1 step for each checkpoint. While checkpoints
// are retained, also 1 iterator, and 1 step for each retained one.
func (t *Tree) Checkpoints() iter.Seq2[Checkpoint, error] {
	return func(yield func(Checkpoint, error) bool) {
		var list []Checkpoint
		err := t.run("Checkpoints", func(c *call) status { return c.checkpoints(&list) })
		if err != nil {
			yield(Checkpoint{}, err)
			return
		}
		for _, checkpoint := range list {
			if !yield(checkpoint, nil) {
				return
			}
		}
	}
}

// Newest returns the checkpoint with the highest id; ok is false if there is
// none.
//
// Errors: those of every method, see [Tree].
//
// Cost: 3 gets, however many checkpoints are kept, and 1 more while any is
// retained. Without a checkpoint it makes 2 gets and 1 or 2 iterators.
func (t *Tree) Newest() (newest Checkpoint, ok bool, err error) {
	err = t.run("Newest", func(c *call) status { return c.newest(&newest, &ok) })
	if err != nil {
		return Checkpoint{}, false, err
	}
	return newest, ok, nil
}

// RetainCheckpoint exempts a checkpoint from pruning until
// [Tree.ReleaseCheckpoint]. It no longer counts towards [WithMaxCheckpoints].
// Until it is released it proves what it proved: marks that are removed later
// wait for it. To retain a checkpoint twice changes nothing.
//
// Errors: [ErrCheckpointNotFound].
//
// Cost: 4 gets and 2 sets for the newest checkpoint, and 1 delete if a lower
// one is retained. A checkpoint that becomes the lowest retained one costs 1
// step and 1 set for each checkpoint between it and the next retained one, at
// most [WithMaxCheckpoints], and an iterator. The oldest that is not retained
// also costs what [Tree.Checkpoint] takes to find the next. Where leaves
// without a mark are kept for checkpoints, it makes 2 gets and 1 set more.
func (t *Tree) RetainCheckpoint(id uint32) error {
	return t.run("RetainCheckpoint", func(c *call) status { return c.retainCheckpoint(id) })
}

// ReleaseCheckpoint takes back [Tree.RetainCheckpoint]: the next
// [Tree.Checkpoint] may prune it. To release one that is not retained changes
// nothing.
//
// Errors: [ErrCheckpointNotFound].
//
// Cost: 4 gets, 2 sets and 1 delete while a lower one is retained. The lowest
// retained one costs two iterators, and 1 step and 1 delete for each checkpoint
// between it and the next retained one, at most [WithMaxCheckpoints]. Where
// leaves without a mark are kept for checkpoints, it makes 3 operations more.
func (t *Tree) ReleaseCheckpoint(id uint32) error {
	return t.run("ReleaseCheckpoint", func(c *call) status { return c.releaseCheckpoint(id) })
}

// RemoveMark gives up the proof of a leaf as of a checkpoint. The leaf need not
// be kept from then on: it goes when that checkpoint and all older ones are
// gone, retained ones included. A rewind to that checkpoint or an older one
// brings the mark back. It tells whether the leaf had a mark.
//
// Errors: [ErrCheckpointNotFound]; [ErrPositionNotFound] if the leaf was not
// there at the checkpoint.
//
// Cost: 5 gets and 3 sets, however many marks were removed. For a leaf without
// a mark it makes 3 gets, for a mark that was removed before 4.
func (t *Tree) RemoveMark(position uint64, asOf uint32) (removed bool, err error) {
	err = t.run("RemoveMark", func(c *call) status { return c.removeMark(position, asOf, &removed) })
	if err != nil {
		return false, err
	}
	return removed, nil
}

// Frontier returns what another tree needs to go on from here. Of an empty tree
// it is the frontier with Size 0.
//
// Errors: those of every method, see [Tree].
//
// Cost: at most 4 gets, and 1 for each two levels from level 5 up. It is 3 gets
// and at most 12 hashes unless the newest leaf completes a shard.
func (t *Tree) Frontier() (Frontier, error) {
	var f Frontier
	err := t.run("Frontier", func(c *call) status { return c.frontier(&f) })
	if err != nil {
		return Frontier{}, err
	}
	return f, nil
}

// FrontierAt returns the frontier that the tree had at a checkpoint.
//
// Errors: [ErrCheckpointNotFound].
//
// Cost: that of [Tree.FrontierAtSize], and 1 get of the checkpoint.
func (t *Tree) FrontierAt(id uint32) (Frontier, error) {
	var f Frontier
	err := t.run("FrontierAt", func(c *call) status { return c.frontierAt(id, &f) })
	if err != nil {
		return Frontier{}, err
	}
	return f, nil
}

// FrontierAtSize returns the frontier that the tree had when it had this many
// leaves, with or without a checkpoint there. Size 0 gives the frontier of the
// empty tree.
//
// Errors: [ErrPositionNotFound] if the tree has not had so many leaves yet;
// [ErrPruned] if the newest leaf of that size was not kept. In a tree that
// started from a frontier those are all sizes before it; in an [Ephemeral] tree
// all except its own size and those of its checkpoints.
//
// Cost: at most 10 gets and 40 hashes among 200,000 leaves, and 1 get more for
// each two levels of a larger tree.
func (t *Tree) FrontierAtSize(size uint64) (Frontier, error) {
	var f Frontier
	err := t.run("FrontierAtSize", func(c *call) status { return c.frontierAtSize(size, &f) })
	if err != nil {
		return Frontier{}, err
	}
	return f, nil
}

// InsertFrontier starts an empty tree from the frontier of another one and
// makes a checkpoint of it. Earlier leaves can never be proven ([ErrPruned]),
// except one that is itself an ommer. Later leaves have the positions, roots
// and witnesses that they would have in the other tree.
//
// Errors: [ErrInvalidArgument] if the frontier has a wrong shape (see
// [Frontier]); [ErrInvalidNode] if its leaf or an ommer is not canonical, with
// its index in [Error.Index]; [ErrNotEmpty] if the tree has leaves;
// [ErrCheckpointOrder] as from [Tree.Checkpoint], since an empty tree can have
// checkpoints.
//
// Cost: that of [Tree.Checkpoint], and at most 3 sets for shard, cap and tip,
// and a set for each quad that the frontier completes.
func (t *Tree) InsertFrontier(f Frontier, id uint32) error {
	const op = "InsertFrontier"
	if wrong := f.check(); wrong != "" {
		return t.refuse(op, "%s", wrong)
	}
	return t.run(op, func(c *call) status { return c.insertFrontier(f, id) })
}

// Adopt takes over a store that a plain shardtree::ShardTree wrote over a
// KvShardStore, or another program with the same records: shards, checkpoints,
// perhaps a cap. Before, every other call on such a store is [ErrForeignStore].
// Afterwards it is byte for byte the store of a Tree that grew with the same
// leaves, marks and checkpoints. All checkpoints stay; the next calls prune to
// their own WithMaxCheckpoints. Adopt returns the number of leaves.
//
// The tip is written last. If the store fails before that, it is still a foreign
// one, and Adopt starts again. If the store has a tip already, Adopt compares the
// root and writes nothing.
//
// Errors: [ErrRootMismatch] if the leaves have another root than the caller
// says; [ErrInvalidNode] if that root is not canonical; [ErrCorrupt], with the
// key, for whatever Adopt does not understand: a gap between shards, an annotation
// that is wrong, a leaf that is not canonical, a checkpoint beyond the leaves or
// at a leaf that was not kept (a ShardTree merges a leaf without a mark into its
// parent), a record that is no ShardTree's. Nothing is written in these cases.
//
// Cost: a step of an iterator for each 16 leaves, and a get and a set for each of
// their shards that a Tree writes otherwise, as where a checkpoint is; a set for
// each 128 leaves; a hash a leaf; 7 iterators. It keeps two bytes a leaf in memory.
// Call it in an upgrade handler, not in a transaction.
func (t *Tree) Adopt(root Node) (size uint64, err error) {
	err = t.run("Adopt", func(c *call) status { return c.adopt(root, &size) })
	if err != nil {
		return 0, err
	}
	return size, nil
}
