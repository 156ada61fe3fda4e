package types

import (
	"context"

	"github.com/kvshard/kvshard"
)

// CommitmentKeeper is what another module needs of this one, say a shielded pool: it
// appends its notes, and verifies spends against anchors. Declare it in the other module,
// as the SDK's modules do with expected keepers, with the methods that are used.
type CommitmentKeeper interface {
	// Append adds commitments of 32 bytes. The origin is what the events name: an
	// address, or the module's name.
	Append(ctx context.Context, origin string, commitments [][]byte) (first uint64, queued bool, err error)
	// FindAnchor returns the kept anchor with a root, or collections.ErrNotFound.
	FindAnchor(ctx context.Context, root kvshard.Node) (Anchor, error)
	// AnchorAt returns the anchor that held after a height.
	AnchorAt(ctx context.Context, height uint64) (Anchor, error)
	// SizeAt returns the number of leaves after a height, and the last height up to it
	// that appended.
	SizeAt(ctx context.Context, height uint64) (size, appended uint64, err error)
	// View returns the tree to read from.
	View(ctx context.Context) (TreeView, error)
}

// A TreeView is the tree without what writes to it. The methods are those of
// [kvshard.Tree]; its checkpoints are the heights that appended.
type TreeView interface {
	Size() (uint64, error)
	Root() (kvshard.Node, error)
	RootAt(height uint32) (kvshard.Node, error)
	Leaf(position uint64) (kvshard.Node, error)
	Nodes(level int, first, count uint64) ([]kvshard.Node, error)
	Witness(position uint64) (kvshard.Witness, error)
	WitnessAt(position uint64, height uint32) (kvshard.Witness, error)
	Frontier() (kvshard.Frontier, error)
	FrontierAtSize(size uint64) (kvshard.Frontier, error)
}
