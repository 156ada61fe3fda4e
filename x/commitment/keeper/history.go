package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// ErrHeightUnknown is the error for a height of which the chain does not know what the
// tree was then.
var ErrHeightUnknown = errors.New("the tree of this height is not known")

// recordHeight records for ever that a height appended. Of leaves that were there before
// the first height of the chain, it is not known which height completed their subtrees.
func (k Keeper) recordHeight(ctx context.Context, newest types.Newest, height, size uint64) error {
	if newest.Total == 0 {
		if from, err := orZero(k.knownFrom.Get(ctx)); err != nil {
			return err
		} else if from == height {
			return k.sizes.Set(ctx, height, size)
		}
	}
	return k.recordSize(ctx, newest.Size_, height, size)
}

// recordSize records that a height appended, and which subtrees it completed.
func (k Keeper) recordSize(ctx context.Context, before, height, size uint64) error {
	if err := k.sizes.Set(ctx, height, size); err != nil {
		return err
	}
	for index := before >> types.SubtreeLevel; index < size>>types.SubtreeLevel; index++ {
		if err := k.subtrees.Set(ctx, index, height); err != nil {
			return err
		}
	}
	return nil
}

// SizeAt returns the number of leaves after a height, and the last height up to it that
// appended; both are 0 while the tree was empty. It does not know the future: a height
// above the newest block's has the newest size.
//
// Errors: [ErrHeightUnknown] for a height before those that the chain has records of.
func (k Keeper) SizeAt(ctx context.Context, height uint64) (size, appended uint64, err error) {
	appended, size, found, err := newestUpTo(ctx, k.sizes, height)
	if err != nil {
		return 0, 0, err
	}
	if found && appended == height {
		return size, appended, nil
	}
	from, err := k.KnownFrom(ctx)
	if err != nil {
		return 0, 0, err
	}
	if height < from {
		return 0, 0, fmt.Errorf("%w: height %d is before %d, from which on this chain keeps the size of each height", ErrHeightUnknown, height, from)
	}
	return size, appended, nil
}

// KnownFrom returns the height from which the size after each height is known, 0 if
// that is all.
func (k Keeper) KnownFrom(ctx context.Context) (uint64, error) {
	from, err := orZero(k.knownFrom.Get(ctx))
	if err != nil || from > 0 {
		return from, err
	}
	newest, err := orZero(k.newest.Get(ctx))
	if err != nil || newest.Total > 0 || newest.Size_ == 0 {
		return 0, err
	}
	// The state of a height at which the module kept no such records yet.
	return 0, fmt.Errorf("%w: this state is older than the records of sizes: ask for a newer one", ErrHeightUnknown)
}

// newestUpTo returns the entry of a map with the highest key up to one.
func newestUpTo[V any](ctx context.Context, m collections.Map[uint64, V], key uint64) (at uint64, value V, found bool, err error) {
	it, err := m.Iterate(ctx, new(collections.Range[uint64]).EndInclusive(key).Descending())
	if err != nil {
		return 0, value, false, err
	}
	defer it.Close()
	if !it.Valid() {
		return 0, value, false, nil
	}
	entry, err := it.KeyValue()
	return entry.Key, entry.Value, err == nil, err
}

// rebuildHistory makes the records of sizes from the tree's checkpoints, as far as they
// tell, and returns how many it made. Checkpoints that were pruned are gone; only from
// the oldest one on that is not retained is there no gap between them. now is the height
// of the running block.
func (k Keeper) rebuildHistory(ctx context.Context, tree *kvshard.Tree, now uint64) (total uint64, err error) {
	size, err := tree.Size()
	if err != nil || size == 0 {
		return 0, err
	}
	from, before := now, uint64(0)
	var sizes []types.HeightSize
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return 0, err
		}
		if from == now && !checkpoint.Retained {
			from = uint64(checkpoint.ID)
		}
		// A tree from elsewhere may have checkpoints between which it did not grow.
		if checkpoint.Size > before {
			sizes = append(sizes, types.HeightSize{Height: uint64(checkpoint.ID), Size_: checkpoint.Size})
			before = checkpoint.Size
		}
	}
	return uint64(len(sizes)), k.setHistory(ctx, from, sizes)
}

// setHistory writes the records of sizes and of subtrees, of which there are none yet.
func (k Keeper) setHistory(ctx context.Context, knownFrom uint64, sizes []types.HeightSize) error {
	var before uint64
	for _, s := range sizes {
		record := k.recordSize
		// Which height between two that have a gap completed a subtree is not known.
		if knownFrom > 0 && s.Height <= knownFrom {
			record = func(ctx context.Context, _, height, size uint64) error { return k.sizes.Set(ctx, height, size) }
		}
		if err := record(ctx, before, s.Height, s.Size_); err != nil {
			return err
		}
		before = s.Size_
	}
	if knownFrom == 0 {
		return nil
	}
	return k.knownFrom.Set(ctx, knownFrom)
}

// dropHistory drops the records of all heights above one, and returns how many they
// were. It ends each walk before it writes: a store may not be written under an open
// iterator.
func (k Keeper) dropHistory(ctx context.Context, height, size uint64) (dropped uint64, err error) {
	above := new(collections.Range[uint64]).StartExclusive(height)
	heights, err := keys(ctx, k.sizes, above)
	if err != nil {
		return 0, err
	}
	for _, h := range heights {
		if err := k.sizes.Remove(ctx, h); err != nil {
			return 0, err
		}
	}
	incomplete, err := keys(ctx, k.subtrees, new(collections.Range[uint64]).StartInclusive(size>>types.SubtreeLevel))
	if err != nil {
		return 0, err
	}
	for _, index := range incomplete {
		if err := k.subtrees.Remove(ctx, index); err != nil {
			return 0, err
		}
	}
	return uint64(len(heights)), nil
}

func keys[V any](ctx context.Context, m collections.Map[uint64, V], r collections.Ranger[uint64]) ([]uint64, error) {
	it, err := m.Iterate(ctx, r)
	if err != nil {
		return nil, err
	}
	return it.Keys() // closes it
}
