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
// A method that fails returns an [*Error]. Apart from those that its
// documentation names, it can be: [ErrStore] (the store's error, which is
// wrapped too), [ErrForeignStore], [ErrCorrupt], [ErrUnsupportedVersion],
// [ErrInternal]. A
// method reads and checks all that it needs before it writes, so that after
// an error other than the store's own on a write the store is as it was. If
// the store panics, as the SDK's do when gas runs out, so does the method,
// with the identical value, after it has closed its iterators.
//
// Only [New] and [Open] make a Tree. Of a nil *Tree and of a zero Tree every
// method is [ErrStore]: they have no store.
//
// Concurrency: a Tree is for one goroutine at a time. Trees over different
// stores share nothing.
type Tree struct {
	proxy   *StoreProxy
	options options
}

// New returns a Tree over the proxy's store, for a keeper that keeps one Tree
// and sets the store before each use. It does not touch the store, which may
// still be nil. A nil proxy or a bad option is [ErrInvalidArgument].
func New(p *StoreProxy, opts ...Option) (*Tree, error) {
	const op = "New"
	if p == nil {
		return nil, invalidArgument(op, "the proxy is nil")
	}
	return newTree(op, p, opts)
}

// Open returns a Tree over the store. It does not touch the store and costs a
// few small allocations, so a keeper may open one for each call:
//
//	tree, err := kvshard.Open(k.storeService.OpenKVStore(ctx))
//
// A nil store (or a nil pointer as the store) is [ErrStore], a bad option
// [ErrInvalidArgument].
func Open(kv store.KVStore, opts ...Option) (*Tree, error) {
	const op = "Open"
	if missing(kv) {
		return nil, noStore(op, "it is nil")
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

// run makes one call of the engine: the way of every method.
func (t *Tree) run(op string, f func(*call) status) error {
	switch {
	case t == nil || t.proxy == nil:
		return t.observe(Stats{Op: op}, noStore(op, "there is none, since neither New nor Open made this Tree"))
	case missing(t.proxy.kv):
		return t.observe(Stats{Op: op}, noStore(op, "it is nil: give the proxy one with SetStore"))
	}
	c := newCall(op, t.proxy.kv, &t.options)
	s := func() status {
		defer c.end()
		return f(c)
	}()
	if c.view.panicked {
		// Rust has returned, everything is given back: the store's panic goes
		// on from here, to the SDK's own recovery.
		panic(c.view.panicValue)
	}
	return t.observe(c.stats(), c.err(op, s))
}

// refuse is run for a call whose arguments are bad: nothing is done.
func (t *Tree) refuse(op, format string, args ...any) error {
	return t.observe(Stats{Op: op}, invalidArgument(op, format, args...))
}

func (t *Tree) observe(s Stats, err error) error {
	if t != nil && t.options.observer != nil {
		t.options.observer(s)
	}
	return err
}

// Append adds a leaf and returns its position, which is the size before. A
// leaf that is not canonical is [ErrInvalidNode], a tree with 2^32 leaves
// [ErrTreeFull].
//
// Cost: 4 operations on the store and one hash, on average; neither grows with
// the tree. The 16th leaf of a shard pays for the shard's hashes, and one leaf
// in 128 writes the cap and a quad too, one in 512 a second quad, and so on.
func (t *Tree) Append(leaf Node) (position uint64, err error) {
	err = t.run("Append", func(c *call) status { return c.append([]Node{leaf}, &position) })
	if err != nil {
		return 0, err
	}
	return position, nil
}

// AppendBatch adds leaves in this order and returns the position of the first.
// The store's content afterwards is the same as with single Appends, or with
// the leaves split into batches in any way. All leaves are added or none: a
// leaf that is not canonical is [ErrInvalidNode], its Index telling which;
// leaves that do not fit are [ErrTreeFull]. Of no leaves it returns the
// tree's size and writes nothing.
//
// Cost: one write for each 16 leaves, and a few.
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
// the block. An id that is not above the newest checkpoint's is
// [ErrCheckpointOrder], and so is 4294967295, which no other could follow. If
// there are more than [WithMaxCheckpoints] then, the oldest one that is not
// retained is pruned; if several are too many, at most two in a call.
//
// Cost: 7 operations on the store, one of them an iterator, however many
// checkpoints are kept. While checkpoints are retained, 2 more, however many
// and whatever their ids. A leaf without a mark that only the pruned
// checkpoint kept costs its shard. At most 16 removed marks are cleared in a
// call; each costs 3 operations and its shard, and finding them an iterator.
func (t *Tree) Checkpoint(id uint32) error {
	return t.run("Checkpoint", func(c *call) status { return c.checkpoint(id) })
}

// Size returns the number of leaves, 0 to 2^32, with those that were appended
// after the newest checkpoint.
//
// Cost: one Get; for an empty tree also a look at the store.
func (t *Tree) Size() (size uint64, err error) {
	err = t.run("Size", func(c *call) status { return c.size(&size) })
	if err != nil {
		return 0, err
	}
	return size, nil
}

// SizeAt returns the number of leaves that the tree had at a checkpoint;
// [ErrCheckpointNotFound] if there is none with this id.
func (t *Tree) SizeAt(id uint32) (size uint64, err error) {
	err = t.run("SizeAt", func(c *call) status { return c.sizeAt(id, &size) })
	if err != nil {
		return 0, err
	}
	return size, nil
}

// Root returns the root of all leaves, checkpointed or not; of an empty tree,
// EmptyRoot(32). This is Orchard's anchor.
//
// Cost: at most 3 Gets, and a hash a level.
func (t *Tree) Root() (root Node, err error) {
	err = t.run("Root", func(c *call) status { return c.root(&root) })
	if err != nil {
		return Node{}, err
	}
	return root, nil
}

// RootAt returns the root that the tree had at a checkpoint;
// [ErrCheckpointNotFound] if there is none with this id.
//
// Cost: what [Tree.Root] costs, a Get of the checkpoint, and a Get for each
// two levels that the tree has since grown over.
func (t *Tree) RootAt(id uint32) (root Node, err error) {
	err = t.run("RootAt", func(c *call) status { return c.rootAt(id, &root) })
	if err != nil {
		return Node{}, err
	}
	return root, nil
}

// Leaf returns the leaf at a position. A position that is not below the size
// is [ErrPositionNotFound], a leaf that was not kept [ErrPruned].
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

// Nodes returns the complete nodes of a level with the indices first to
// first+count-1: of level 0 the leaves; of level 16 the roots of subtrees that
// Zcash's wallets start from. Node i of a level covers the leaves i*2^level to
// (i+1)*2^level-1, and is complete when all of them are there. What a complete
// node is never changes, except by [Tree.Rewind].
//
// A wallet makes a tree of its own from nodes, a frontier and the leaves of the
// one subtree that has its note, and comes to the same root and witness. The
// calls for it do not tell which leaf it will prove, as [Tree.Witness] does.
//
// A level that is not 0 to [Depth], or more than [MaxNodes], is
// [ErrInvalidArgument]; a node that is not complete [ErrPositionNotFound]; one
// that was not kept [ErrPruned]. Nodes of level 4 and up are always kept, but
// those before the frontier that a tree started from. A count of 0 gives none,
// if first is not beyond the complete nodes.
//
// Cost: it grows with count, not with the size, and each record is read once. A
// Get of the tip; up to level 4 a Get for each shard of 16 leaves in the range;
// above, a Get of the cap from level 7 up, and one for each quad: four nodes of
// level 5, 7, 9, and so on. Leaves take no hash, level 4 takes 15 a node, other even levels
// one and odd ones none; at the newest end of the tree a few more Gets and
// hashes. The largest call takes 65,537 Gets and 983,040 hashes, at level 4, and
// some 20 MB.
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

// Witness proves the leaf at a position against [Tree.Root]. A position that
// is not below the size is [ErrPositionNotFound], a leaf that was not kept
// [ErrPruned].
//
// Cost: the operations on the store and the hashes grow with the logarithm of
// the size.
func (t *Tree) Witness(position uint64) (Witness, error) {
	w := Witness{Position: position}
	err := t.run("Witness", func(c *call) status { return c.witness(position, &w.Path) })
	if err != nil {
		return Witness{}, err
	}
	return w, nil
}

// WitnessAt proves the leaf at a position against [Tree.RootAt] of a
// checkpoint; [ErrCheckpointNotFound] if there is none with this id. A leaf
// that was not there yet is [ErrPositionNotFound], one that was not kept
// [ErrPruned].
//
// Cost: what [Tree.Witness] costs, a Get of the checkpoint, and a Get for each
// two levels that the tree has since grown over. Neither the number of
// checkpoints nor of removed marks matters.
func (t *Tree) WitnessAt(position uint64, id uint32) (Witness, error) {
	w := Witness{Position: position}
	err := t.run("WitnessAt", func(c *call) status { return c.witnessAt(position, id, &w.Path) })
	if err != nil {
		return Witness{}, err
	}
	return w, nil
}

// Rewind takes the tree back to a checkpoint, which stays: later leaves and
// checkpoints, and the removals of marks as of it or later, are undone, and
// leave no trace in the store. [ErrCheckpointNotFound] if there is none with
// this id.
//
// Cost: it grows with what is undone: a Get and a Delete a shard, a Delete a
// quad, 2 operations a checkpoint, 4 a removed mark.
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

// Checkpoints yields the checkpoints, oldest first. They are all read before
// the first is yielded, and the iterators closed, so the body of the loop may
// use and write the tree and its store. An error is yielded alone, with a
// zero Checkpoint, as the first and only step. Each range over the sequence
// reads anew.
//
// Cost: it grows with the number of checkpoints.
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
// Cost: 3 Gets however many checkpoints are kept, and one more while any is
// retained. Without a checkpoint, 2 Gets and one or two looks at the store.
func (t *Tree) Newest() (newest Checkpoint, ok bool, err error) {
	err = t.run("Newest", func(c *call) status { return c.newest(&newest, &ok) })
	if err != nil {
		return Checkpoint{}, false, err
	}
	return newest, ok, nil
}

// RetainCheckpoint exempts a checkpoint from pruning, until
// [Tree.ReleaseCheckpoint]; it no longer counts towards
// [WithMaxCheckpoints]. Until it is released it keeps what it proves: marks
// that were removed later wait. [ErrCheckpointNotFound] if there is none with
// this id. Retaining one twice changes nothing.
//
// Cost: 6 operations on the store for the newest checkpoint, and one more if a
// lower one is retained. One that becomes the lowest retained one costs a step
// and a Set for each checkpoint behind it, as far as the next retained one, at
// most [WithMaxCheckpoints]; the oldest that may be pruned also what
// [Tree.Checkpoint] takes to find the next. Where leaves without marks are kept
// for checkpoints, 3 more.
func (t *Tree) RetainCheckpoint(id uint32) error {
	return t.run("RetainCheckpoint", func(c *call) status { return c.retainCheckpoint(id) })
}

// ReleaseCheckpoint takes back [Tree.RetainCheckpoint]: the next
// [Tree.Checkpoint] may prune it. [ErrCheckpointNotFound] if there is none
// with this id. Releasing one that is not retained changes nothing.
//
// Cost: 7 operations on the store. The lowest retained one costs a step and a
// Delete for each checkpoint behind it, as far as the next retained one, at
// most [WithMaxCheckpoints], and two iterators. Where leaves without marks are
// kept for checkpoints, 3 more.
func (t *Tree) ReleaseCheckpoint(id uint32) error {
	return t.run("ReleaseCheckpoint", func(c *call) status { return c.releaseCheckpoint(id) })
}

// RemoveMark gives up the proof of a leaf as of a checkpoint: from then on it
// need not be kept, and goes when that checkpoint and all older ones are
// gone, retained ones included. A rewind to that checkpoint or an older one
// brings the mark back. It tells whether the leaf had a mark.
// [ErrCheckpointNotFound] if there is no checkpoint with this id,
// [ErrPositionNotFound] if the leaf was not there yet.
//
// Cost: 8 operations on the store, however many marks were removed.
func (t *Tree) RemoveMark(position uint64, asOf uint32) (removed bool, err error) {
	err = t.run("RemoveMark", func(c *call) status { return c.removeMark(position, asOf, &removed) })
	if err != nil {
		return false, err
	}
	return removed, nil
}

// Frontier returns what another tree needs to go on from here; of an empty
// tree, that with Size 0.
func (t *Tree) Frontier() (Frontier, error) {
	var f Frontier
	err := t.run("Frontier", func(c *call) status { return c.frontier(&f) })
	if err != nil {
		return Frontier{}, err
	}
	return f, nil
}

// FrontierAt returns the frontier that the tree had at a checkpoint;
// [ErrCheckpointNotFound] if there is none with this id.
//
// Cost: what [Tree.FrontierAtSize] costs, and a Get of the checkpoint.
func (t *Tree) FrontierAt(id uint32) (Frontier, error) {
	var f Frontier
	err := t.run("FrontierAt", func(c *call) status { return c.frontierAt(id, &f) })
	if err != nil {
		return Frontier{}, err
	}
	return f, nil
}

// FrontierAtSize returns the frontier that the tree had when it had this many
// leaves, whether or not a checkpoint was made then. A size that the tree has
// not reached is [ErrPositionNotFound]; one whose newest leaf was not kept
// [ErrPruned]: among them all that a tree does not know which started from a
// frontier, and in one that is [Ephemeral] all but the tree's own and those of
// its checkpoints. Size 0 gives the frontier of the empty tree.
//
// Cost: at most 10 Gets among 200,000 leaves, and one more for each two levels
// of a larger tree; some 40 hashes at most.
func (t *Tree) FrontierAtSize(size uint64) (Frontier, error) {
	var f Frontier
	err := t.run("FrontierAtSize", func(c *call) status { return c.frontierAtSize(size, &f) })
	if err != nil {
		return Frontier{}, err
	}
	return f, nil
}

// InsertFrontier starts an empty tree from the frontier of another one and
// makes a checkpoint of it. The leaves before are [ErrPruned] for ever, but for
// one that is itself an ommer; those that follow have the positions, roots and
// witnesses that they would have in the other tree. A tree that is not empty is [ErrNotEmpty]; a frontier of
// a wrong shape (see [Frontier]) [ErrInvalidArgument]; a leaf or ommer that
// is not canonical [ErrInvalidNode].
func (t *Tree) InsertFrontier(f Frontier, id uint32) error {
	const op = "InsertFrontier"
	if wrong := f.check(); wrong != "" {
		return t.refuse(op, "%s", wrong)
	}
	return t.run(op, func(c *call) status { return c.insertFrontier(f, id) })
}
