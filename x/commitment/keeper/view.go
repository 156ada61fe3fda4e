package keeper

import (
	"context"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// View returns the tree in the context's store to read from. No other module writes to
// it: a checkpoint that EndBlock did not make would stop the chain.
//
// Cost: 1 get, of the parameters. The tree's hashes are charged to the context's gas
// meter.
func (k Keeper) View(ctx context.Context) (types.TreeView, error) {
	tree, err := k.openTree(ctx)
	return view{tree}, err
}

// A view shows of a tree what reads. Nothing else of it can be reached.
type view struct{ tree *kvshard.Tree }

func (v view) Size() (uint64, error)                            { return v.tree.Size() }
func (v view) Root() (kvshard.Node, error)                      { return v.tree.Root() }
func (v view) Leaf(position uint64) (kvshard.Node, error)       { return v.tree.Leaf(position) }
func (v view) Witness(position uint64) (kvshard.Witness, error) { return v.tree.Witness(position) }
func (v view) Frontier() (kvshard.Frontier, error)              { return v.tree.Frontier() }
func (v view) FrontierAtSize(size uint64) (kvshard.Frontier, error) {
	return v.tree.FrontierAtSize(size)
}
func (v view) RootAt(height uint32) (kvshard.Node, error) { return v.tree.RootAt(height) }

func (v view) WitnessAt(position uint64, height uint32) (kvshard.Witness, error) {
	return v.tree.WitnessAt(position, height)
}

func (v view) Nodes(level int, first, count uint64) ([]kvshard.Node, error) {
	return v.tree.Nodes(level, first, count)
}
