package keeper

import (
	"context"
	"fmt"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// exportHistory returns the records of sizes. They grow. A state of version 2 has none:
// then it is nil, and the tree's checkpoints tell what they can.
func (k Keeper) exportHistory(ctx context.Context) (*types.GenesisHistory, error) {
	from, err := orZero(k.knownFrom.Get(ctx))
	if err != nil {
		return nil, err
	}
	newest, err := orZero(k.newest.Get(ctx))
	if err != nil {
		return nil, err
	}
	if newest.Total == 0 && newest.Size_ > 0 {
		return nil, nil
	}
	var last uint64
	var sizes []types.HeightSize
	err = k.sizes.Walk(ctx, nil, func(height, size uint64) (stop bool, err error) {
		if size <= last {
			return true, fmt.Errorf("history: %d leaves after height %d, and %d at the height before that appended", size, height, last)
		}
		last = size
		sizes = append(sizes, types.HeightSize{Height: height, Size_: size})
		return false, nil
	})
	if err == nil && uint64(len(sizes)) != newest.Total {
		err = fmt.Errorf("%d heights that appended were found, and there are %d: the store could not be read to the end", len(sizes), newest.Total)
	}
	return types.NewGenesisHistory(from, sizes), err
}

// initHistory makes the records of sizes of a new chain, from genesis or, if that has
// none, from the tree's checkpoints. It returns how many there are.
func (k Keeper) initHistory(ctx context.Context, tree *kvshard.Tree, h *types.GenesisHistory, now uint64) (total uint64, err error) {
	if h == nil {
		return k.rebuildHistory(ctx, tree, now)
	}
	if h.KnownFrom > now {
		return 0, fmt.Errorf("history: known_from is height %d, the chain starts at %d: no height before it would have an anchor", h.KnownFrom, now)
	}
	sizes, err := h.Unpack()
	if err != nil {
		return 0, err
	}
	if err := k.setHistory(ctx, h.KnownFrom, sizes); err != nil {
		return 0, err
	}
	return uint64(len(sizes)), k.checkHistory(ctx, tree)
}

// checkHistory checks that the records of sizes and the tree's checkpoints agree, and
// that the subtrees are those that the sizes tell.
func (k Keeper) checkHistory(ctx context.Context, tree *kvshard.Tree) error {
	var newest kvshard.Checkpoint
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return err
		}
		newest = checkpoint
		_, size, _, err := newestUpTo(ctx, k.sizes, uint64(checkpoint.ID))
		if err != nil {
			return err
		}
		if size != checkpoint.Size {
			return fmt.Errorf("history: height %d has %d leaves, and its checkpoint %d", checkpoint.ID, size, checkpoint.Size)
		}
	}
	height, size, _, err := newestUpTo(ctx, k.sizes, 1<<64-1)
	if err != nil {
		return err
	}
	if height > uint64(newest.ID) || size != newest.Size {
		return fmt.Errorf("history: it ends at height %d with %d leaves, the checkpoints at height %d with %d", height, size, newest.ID, newest.Size)
	}
	return k.checkSubtrees(ctx, size)
}

// checkSubtrees checks that each subtree was completed at a height whose size says so,
// and that none is missing behind the first one that is known.
func (k Keeper) checkSubtrees(ctx context.Context, size uint64) error {
	known, err := keys(ctx, k.subtrees, nil)
	if err != nil {
		return err
	}
	complete := size >> types.SubtreeLevel
	for i, index := range known {
		if index != complete-uint64(len(known)-i) {
			return fmt.Errorf("history: subtree %d is number %d of %d up to subtree %d", index, i, len(known), complete)
		}
		height, err := k.subtrees.Get(ctx, index)
		if err != nil {
			return err
		}
		after, err := k.sizes.Get(ctx, height)
		if err != nil {
			return fmt.Errorf("history: the size after height %d, which completed subtree %d: %w", height, index, err)
		}
		var before uint64
		if height > 0 {
			if _, before, _, err = newestUpTo(ctx, k.sizes, height-1); err != nil {
				return err
			}
		}
		if end := (index + 1) << types.SubtreeLevel; before >= end || after < end {
			return fmt.Errorf("history: height %d grew the tree from %d to %d leaves, so that it did not complete subtree %d", height, before, after, index)
		}
	}
	from, err := orZero(k.knownFrom.Get(ctx))
	if err == nil && from == 0 && uint64(len(known)) != complete {
		err = fmt.Errorf("history: %d subtrees are complete, and %d are known", complete, len(known))
	}
	return err
}
