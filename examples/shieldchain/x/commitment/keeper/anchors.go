package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/x/commitment/types"
)

// addAnchor keeps an anchor, and drops the anchors whose checkpoints the tree pruned
// with its new one: exactly the tree's checkpoints have an anchor.
func (k Keeper) addAnchor(ctx context.Context, params types.Params, newest types.Newest, anchor types.Anchor) error {
	newest, err := k.keepAnchor(ctx, newest, anchor)
	if err != nil {
		return err
	}
	if newest.Count > params.MaxAnchors {
		pruned := min(newest.Count-params.MaxAnchors, kvshard.MaxPruned)
		if err := k.dropAnchors(ctx, pruned); err != nil {
			return err
		}
		newest.Count -= pruned
	}
	return k.newest.Set(ctx, newest)
}

// keepAnchor keeps an anchor, and returns the new Newest.
func (k Keeper) keepAnchor(ctx context.Context, newest types.Newest, anchor types.Anchor) (types.Newest, error) {
	height := uint64(anchor.Height)
	if err := k.anchors.Set(ctx, height, anchor); err != nil {
		return newest, err
	}
	if err := k.heights.Set(ctx, anchor.Root, height); err != nil {
		return newest, err
	}
	newest.Count++
	newest.Size_ = anchor.Size_
	return newest, nil
}

// dropAnchors drops the oldest anchors. It ends the walk before the first write: a
// store may not be written under an open iterator.
func (k Keeper) dropAnchors(ctx context.Context, count uint32) error {
	it, err := k.anchors.Iterate(ctx, nil)
	if err != nil {
		return err
	}
	var old []types.Anchor
	for ; it.Valid() && uint32(len(old)) < count; it.Next() {
		anchor, err := it.Value()
		if err != nil {
			return errors.Join(err, it.Close())
		}
		old = append(old, anchor)
	}
	if err := it.Close(); err != nil {
		return err
	}
	// Iterators of collections have no Error: one that failed looks like one at its
	// end. There are always more anchors than are dropped.
	if uint32(len(old)) < count {
		return fmt.Errorf("%d anchors were found, and %d are to be dropped: the store could not be read to the end", len(old), count)
	}
	for _, anchor := range old {
		height := uint64(anchor.Height)
		if err := k.anchors.Remove(ctx, height); err != nil {
			return err
		}
		// A leaf with the absent leaf's value does not change the root, so a newer
		// height may have the same root.
		of, err := k.heights.Get(ctx, anchor.Root)
		if err != nil {
			return err
		}
		if of == height {
			if err := k.heights.Remove(ctx, anchor.Root); err != nil {
				return err
			}
		}
	}
	return nil
}

// AnchorAt returns the anchor that held at a height: the newest up to it. It returns
// collections.ErrNotFound if there was none yet, or if it was dropped.
func (k Keeper) AnchorAt(ctx context.Context, height uint64) (types.Anchor, error) {
	it, err := k.anchors.Iterate(ctx, new(collections.Range[uint64]).EndInclusive(height).Descending())
	if err != nil {
		return types.Anchor{}, err
	}
	defer it.Close()
	if !it.Valid() {
		return types.Anchor{}, collections.ErrNotFound
	}
	return it.Value()
}

// FindAnchor returns the anchor with this root, or collections.ErrNotFound if no
// kept anchor has it. A module that verifies spends calls it.
func (k Keeper) FindAnchor(ctx context.Context, root kvshard.Node) (types.Anchor, error) {
	height, err := k.heights.Get(ctx, root[:])
	if err != nil {
		return types.Anchor{}, err
	}
	return k.anchors.Get(ctx, height)
}

// Rewind takes the tree and the anchors back to the checkpoint of a height, as if no
// later block had appended. A chain that halted at a block that must not stand calls
// it in an upgrade handler, the same on all nodes. It reads the whole tree, and
// returns an error if the tree is unsound.
func (k Keeper) Rewind(ctx context.Context, height uint32) error {
	tree, err := k.Tree(ctx)
	if err != nil {
		return err
	}
	if err := tree.Rewind(height); err != nil {
		return err
	}
	if err := tree.Check(); err != nil {
		return err
	}
	return k.rebuildAnchors(ctx)
}

// rebuildAnchors makes the anchors anew from the tree's checkpoints; the anchors are
// only an index of them.
func (k Keeper) rebuildAnchors(ctx context.Context) error {
	if err := k.anchors.Clear(ctx, nil); err != nil {
		return err
	}
	if err := k.heights.Clear(ctx, nil); err != nil {
		return err
	}
	if err := k.newest.Remove(ctx); err != nil {
		return err
	}
	params, err := k.params.Get(ctx)
	if err != nil {
		return err
	}
	tree, err := k.tree(ctx, params)
	if err != nil {
		return err
	}
	var newest types.Newest
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return err
		}
		root, err := tree.RootAt(checkpoint.ID)
		if err != nil {
			return err
		}
		anchor := types.Anchor{Height: checkpoint.ID, Root: root[:], Size_: checkpoint.Size}
		if newest, err = k.keepAnchor(ctx, newest, anchor); err != nil {
			return err
		}
	}
	if newest.Count == 0 {
		return nil
	}
	return k.newest.Set(ctx, newest)
}
