package hashtree

import (
	"io"
	"iter"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
)

// A Tree is a commitment tree of a scheme in a store. As a [kvshard.Tree] it
// holds nothing of the tree itself: each method reads what it needs from the
// store. Only [New] and [Open] make one.
//
// The methods are those of [kvshard.Tree]. What is said there of cost, panics and
// concurrency holds here too; a hash takes as long as the scheme's.
//
// Errors: those of the methods of [kvshard.Tree]; [kvshard.ErrSchemeMismatch] from
// every method, if the store holds a tree of another scheme; and
// [kvshard.ErrHasher] from a method that hashes. If a Hasher panics, so does the
// method. In these cases the store has not changed, see [Hasher] for [Tree.Adopt].
type Tree struct {
	tree   *kvshard.Tree
	scheme *Scheme
}

// New returns a Tree over the proxy's store, for a keeper that keeps one Tree and
// sets the store before each use: see [kvshard.New].
//
// Errors: those of [kvshard.New], and [kvshard.ErrInvalidArgument] for a nil scheme.
//
// Cost: it does not touch the store.
func New(p *kvshard.StoreProxy, s *Scheme, opts ...kvshard.Option) (*Tree, error) {
	if s == nil {
		return nil, noScheme("New")
	}
	return wrap(s)(kvshard.New(p, s.options(opts)...))
}

// Open returns a Tree over the store: see [kvshard.Open].
//
// Errors: those of [kvshard.Open], and [kvshard.ErrInvalidArgument] for a nil scheme.
//
// Cost: it does not touch the store, and makes a few small allocations.
func Open(kv store.KVStore, s *Scheme, opts ...kvshard.Option) (*Tree, error) {
	if s == nil {
		return nil, noScheme("Open")
	}
	return wrap(s)(kvshard.Open(kv, s.options(opts)...))
}

func noScheme(op string) error {
	return invalidArgument(op, "the scheme is nil: make one with NewScheme, or take a built-in one")
}

func (s *Scheme) options(opts []kvshard.Option) []kvshard.Option {
	return append([]kvshard.Option{s.option}, opts...)
}

func wrap(s *Scheme) func(*kvshard.Tree, error) (*Tree, error) {
	return func(tree *kvshard.Tree, err error) (*Tree, error) {
		if err != nil {
			return nil, err
		}
		return &Tree{tree: tree, scheme: s}, nil
	}
}

// engine returns the tree underneath; nil, of which every method says what is
// wrong, if neither New nor Open made this one.
func (t *Tree) engine() *kvshard.Tree {
	if t == nil {
		return nil
	}
	return t.tree
}

// Scheme returns the scheme that the Tree was opened with; nil if neither [New] nor
// [Open] made the Tree.
func (t *Tree) Scheme() *Scheme {
	if t == nil {
		return nil
	}
	return t.scheme
}

// Append adds a leaf and returns its position: see [kvshard.Tree.Append].
func (t *Tree) Append(leaf Node) (position uint64, err error) {
	return t.engine().Append(kvshard.Node(leaf))
}

// AppendBatch adds leaves in this order and returns the position of the first:
// see [kvshard.Tree.AppendBatch]. The hasher is called once for each level on
// which nodes are completed, and three times for each older node that a new quad
// takes in, two a quad at most.
func (t *Tree) AppendBatch(leaves []Node) (first uint64, err error) {
	return t.engine().AppendBatch(plain(leaves))
}

// Checkpoint remembers the tree as it is now: see [kvshard.Tree.Checkpoint].
func (t *Tree) Checkpoint(id uint32) error { return t.engine().Checkpoint(id) }

// Size returns the number of leaves: see [kvshard.Tree.Size].
func (t *Tree) Size() (uint64, error) { return t.engine().Size() }

// SizeAt returns the number of leaves at a checkpoint: see
// [kvshard.Tree.SizeAt].
func (t *Tree) SizeAt(id uint32) (uint64, error) { return t.engine().SizeAt(id) }

// Root returns the root of all leaves: see [kvshard.Tree.Root].
func (t *Tree) Root() (Node, error) {
	root, err := t.engine().Root()
	return Node(root), err
}

// RootAt returns the root at a checkpoint: see [kvshard.Tree.RootAt].
func (t *Tree) RootAt(id uint32) (Node, error) {
	root, err := t.engine().RootAt(id)
	return Node(root), err
}

// Leaf returns the leaf at a position: see [kvshard.Tree.Leaf].
func (t *Tree) Leaf(position uint64) (Node, error) {
	leaf, err := t.engine().Leaf(position)
	return Node(leaf), err
}

// Nodes returns complete nodes of a level, 0 to the scheme's depth: see
// [kvshard.Tree.Nodes].
func (t *Tree) Nodes(level int, first, count uint64) ([]Node, error) {
	nodes, err := t.engine().Nodes(level, first, count)
	return own(nodes), err
}

// Witness proves the leaf at a position against [Tree.Root]: see
// [kvshard.Tree.Witness].
func (t *Tree) Witness(position uint64) (Witness, error) {
	return t.witness(t.engine().Witness(position))
}

// WitnessAt proves the leaf at a position against [Tree.RootAt] of a checkpoint:
// see [kvshard.Tree.WitnessAt].
func (t *Tree) WitnessAt(position uint64, id uint32) (Witness, error) {
	return t.witness(t.engine().WitnessAt(position, id))
}

func (t *Tree) witness(w kvshard.Witness, err error) (Witness, error) {
	if err != nil {
		return Witness{}, err
	}
	return Witness{Position: w.Position, Path: own(w.Path[:t.scheme.Depth()])}, nil
}

// Rewind takes the tree back to a checkpoint: see [kvshard.Tree.Rewind].
func (t *Tree) Rewind(id uint32) error { return t.engine().Rewind(id) }

// Checkpoints yields the checkpoints, oldest first: see
// [kvshard.Tree.Checkpoints].
func (t *Tree) Checkpoints() iter.Seq2[kvshard.Checkpoint, error] { return t.engine().Checkpoints() }

// Newest returns the checkpoint with the highest id: see
// [kvshard.Tree.Newest].
func (t *Tree) Newest() (newest kvshard.Checkpoint, ok bool, err error) { return t.engine().Newest() }

// RetainCheckpoint exempts a checkpoint from pruning: see
// [kvshard.Tree.RetainCheckpoint].
func (t *Tree) RetainCheckpoint(id uint32) error { return t.engine().RetainCheckpoint(id) }

// ReleaseCheckpoint takes back [Tree.RetainCheckpoint]: see
// [kvshard.Tree.ReleaseCheckpoint].
func (t *Tree) ReleaseCheckpoint(id uint32) error { return t.engine().ReleaseCheckpoint(id) }

// RemoveMark gives up the proof of a leaf as of a checkpoint: see
// [kvshard.Tree.RemoveMark].
func (t *Tree) RemoveMark(position uint64, asOf uint32) (removed bool, err error) {
	return t.engine().RemoveMark(position, asOf)
}

// Frontier returns what another tree needs to go on from here: see
// [kvshard.Tree.Frontier].
func (t *Tree) Frontier() (Frontier, error) {
	f, err := t.engine().Frontier()
	return frontierOf(f), err
}

// FrontierAt returns the frontier at a checkpoint: see
// [kvshard.Tree.FrontierAt].
func (t *Tree) FrontierAt(id uint32) (Frontier, error) {
	f, err := t.engine().FrontierAt(id)
	return frontierOf(f), err
}

// FrontierAtSize returns the frontier that the tree had at a size: see
// [kvshard.Tree.FrontierAtSize].
func (t *Tree) FrontierAtSize(size uint64) (Frontier, error) {
	f, err := t.engine().FrontierAtSize(size)
	return frontierOf(f), err
}

// InsertFrontier starts an empty tree from the frontier of another one of the
// same scheme: see [kvshard.Tree.InsertFrontier].
func (t *Tree) InsertFrontier(f Frontier, id uint32) error {
	return t.engine().InsertFrontier(f.plain(), id)
}

// Check reads all of the tree's records and checks that they are sound: see
// [kvshard.Tree.Check].
func (t *Tree) Check() error { return t.engine().Check() }

// Dump writes a picture of the tree as text: see [kvshard.Tree.Dump].
func (t *Tree) Dump(w io.Writer) error { return t.engine().Dump(w) }

// Adopt takes over a store that a plain shardtree::ShardTree of the same scheme
// wrote: see [kvshard.Tree.Adopt]. The trees of the crate vote-commitment-tree
// are such stores, of the scheme [VotePoseidon].
func (t *Tree) Adopt(root Node) (size uint64, err error) {
	return t.engine().Adopt(kvshard.Node(root))
}
