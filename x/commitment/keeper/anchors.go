package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// addAnchor keeps the anchor of the tree's new checkpoint, and drops the anchors whose
// checkpoints the tree pruned with it: exactly the tree's checkpoints have an anchor. A
// checkpoint that is retained is one that was kept at first, so it pruned another.
func (k Keeper) addAnchor(ctx context.Context, params types.Params, tree *kvshard.Tree, newest types.Newest, anchor types.Anchor) error {
	pruned := uint32(0)
	if newest.Count+1 > params.MaxAnchors {
		pruned = min(newest.Count+1-params.MaxAnchors, kvshard.MaxPruned)
	}
	if pruned > 0 {
		if err := k.dropAnchors(ctx, pruned); err != nil {
			return err
		}
		newest.Count -= pruned
	}
	newest.Total++
	retain := params.RetainEvery > 0 && newest.Total%uint64(params.RetainEvery) == 0
	if retain {
		if err := tree.RetainCheckpoint(anchor.Height); err != nil {
			return err
		}
	}
	anchor.Retained = retain
	newest, err := k.keepAnchor(ctx, newest, anchor)
	if err != nil {
		return err
	}
	return k.newest.Set(ctx, newest)
}

// keepAnchor keeps an anchor, for ever if it is retained, and returns the new Newest.
func (k Keeper) keepAnchor(ctx context.Context, newest types.Newest, anchor types.Anchor) (types.Newest, error) {
	height, anchors := uint64(anchor.Height), k.anchors
	if anchor.Retained {
		anchors = k.retained
	} else {
		newest.Count++
	}
	if err := anchors.Set(ctx, height, anchor); err != nil {
		return newest, err
	}
	newest.Size_ = anchor.Size_
	return newest, k.nameRoot(ctx, anchor.Root, height)
}

// nameRoot makes FindAnchor find a height's anchor by its root. Leaves with the absent
// leaf's value do not change the root, so that an older height can have the same one. If
// that is kept for ever, the root stays its name: the newer one may be dropped.
func (k Keeper) nameRoot(ctx context.Context, root []byte, height uint64) error {
	of, err := k.heights.Get(ctx, root)
	if err == nil {
		if forEver, err := k.retained.Has(ctx, of); err != nil || forEver {
			return err
		}
	} else if !errors.Is(err, collections.ErrNotFound) {
		return err
	}
	return k.heights.Set(ctx, root, height)
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
		// Another height may have the same root, see nameRoot.
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

// AnchorAt returns the anchor that held after a height: that of the last height, up to
// it, that appended, or while there was none the empty tree's, of height 0.
//
// Errors: collections.ErrNotFound if the anchor was dropped; [ErrHeightUnknown].
func (k Keeper) AnchorAt(ctx context.Context, height uint64) (types.Anchor, error) {
	size, appended, err := k.SizeAt(ctx, height)
	if err != nil {
		return types.Anchor{}, err
	}
	if size == 0 {
		return emptyAnchor()
	}
	anchor, err := k.anchorOf(ctx, appended)
	if errors.Is(err, collections.ErrNotFound) {
		err = fmt.Errorf("%w: the anchor of height %d was dropped, and held until the next height that appended", err, appended)
	}
	return anchor, err
}

// anchorOf returns the anchor of a height that appended, kept for ever or not.
func (k Keeper) anchorOf(ctx context.Context, height uint64) (types.Anchor, error) {
	anchor, err := k.anchors.Get(ctx, height)
	if errors.Is(err, collections.ErrNotFound) {
		return k.retained.Get(ctx, height)
	}
	return anchor, err
}

// emptyAnchor is the anchor of a chain's tree before the first leaf. It never expires: a
// bundle that spends nothing has it.
func emptyAnchor() (types.Anchor, error) {
	root, err := kvshard.EmptyRoot(kvshard.Depth)
	return types.Anchor{Root: root[:]}, err
}

// FindAnchor returns the anchor with this root, or collections.ErrNotFound if no
// kept anchor has it. A module that verifies spends calls it. The empty tree's root is
// always found, with height 0 unless the first leaves have the absent leaf's value.
func (k Keeper) FindAnchor(ctx context.Context, root kvshard.Node) (types.Anchor, error) {
	height, err := k.heights.Get(ctx, root[:])
	if errors.Is(err, collections.ErrNotFound) {
		empty, emptyErr := emptyAnchor()
		if emptyErr != nil || kvshard.Node(empty.Root) == root {
			return empty, emptyErr
		}
	}
	if err != nil {
		return types.Anchor{}, err
	}
	return k.anchorOf(ctx, height)
}

// Rewind takes the tree and the anchors back to the checkpoint of a height, as if no
// later block had appended. What was accepted behind that is gone from the queue too: all
// that waits, if a later block had appended, and else what a later block accepted. So what
// is left is a beginning of what was accepted. A chain that halted at a block that must not stand calls
// it in an upgrade handler, the same on all nodes. It reads the whole tree, and
// returns an error if the tree is unsound.
func (k Keeper) Rewind(ctx context.Context, height uint32) error {
	tree, err := k.openTree(ctx)
	if err != nil {
		return err
	}
	before, err := tree.Size()
	if err != nil {
		return err
	}
	if err := tree.Rewind(height); err != nil {
		return err
	}
	if err := tree.Check(); err != nil {
		return err
	}
	newest, err := k.newest.Get(ctx)
	if err != nil {
		return err
	}
	size, err := tree.Size()
	if err != nil {
		return err
	}
	if err := k.rewindWaiting(ctx, before, size, uint64(height)); err != nil {
		return err
	}
	if from, err := orZero(k.knownFrom.Get(ctx)); err != nil {
		return err
	} else if from > uint64(height) {
		if err := k.knownFrom.Set(ctx, uint64(height)); err != nil {
			return err
		}
	}
	dropped, err := k.dropHistory(ctx, uint64(height), size)
	if err != nil {
		return err
	}
	if err := k.rebuildAnchors(ctx, tree, newest.Total-dropped); err != nil || newest.Total == 0 {
		return err // a store of version 2 has no history yet
	}
	return k.checkHistory(ctx, tree)
}

// rebuildAnchors makes the anchors anew from the tree's checkpoints; the anchors are
// only an index of them. total is how many heights are known to have appended.
func (k Keeper) rebuildAnchors(ctx context.Context, tree *kvshard.Tree, total uint64) error {
	for _, anchors := range []collections.Map[uint64, types.Anchor]{k.anchors, k.retained} {
		if err := anchors.Clear(ctx, nil); err != nil {
			return err
		}
	}
	if err := k.heights.Clear(ctx, nil); err != nil {
		return err
	}
	if err := k.newest.Remove(ctx); err != nil {
		return err
	}
	newest := types.Newest{Total: total}
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return err
		}
		root, err := tree.RootAt(checkpoint.ID)
		if err != nil {
			return err
		}
		anchor := types.Anchor{Height: checkpoint.ID, Root: root[:], Size_: checkpoint.Size, Retained: checkpoint.Retained}
		if newest, err = k.keepAnchor(ctx, newest, anchor); err != nil {
			return err
		}
	}
	if newest == (types.Newest{}) {
		return nil
	}
	return k.newest.Set(ctx, newest)
}
