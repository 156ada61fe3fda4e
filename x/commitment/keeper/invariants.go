package keeper

import (
	"bytes"
	"context"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// Invariant checks the tree record by record and hash by hash (Tree.Check), and
// that the anchors match its checkpoints. Its time grows with the tree, so it
// is for `shieldd check`, tests and callers of sdk.Invariants, not for a block.
func (k Keeper) Invariant(ctx sdk.Context) (message string, broken bool) {
	err := k.checkInvariant(ctx)
	if err == nil {
		return types.ModuleName + ": tree: sound", false
	}
	return fmt.Sprintf("%s: tree: broken: %v", types.ModuleName, err), true
}

func (k Keeper) checkInvariant(ctx context.Context) error {
	params, err := k.params.Get(ctx)
	if err != nil {
		return err
	}
	tree, err := k.tree(ctx, params)
	if err != nil {
		return err
	}
	if err := tree.Check(); err != nil {
		return err
	}
	size, err := tree.Size()
	if err != nil {
		return err
	}
	if err := k.checkWaiting(ctx, params, size); err != nil {
		return err
	}
	newest, err := orZero(k.newest.Get(ctx))
	if err != nil {
		return err
	}
	var last kvshard.Checkpoint
	var count uint32
	for checkpoint, err := range tree.Checkpoints() {
		if err != nil {
			return err
		}
		last = checkpoint
		anchors := k.retained
		if !checkpoint.Retained {
			anchors, count = k.anchors, count+1
		}
		anchor, err := anchors.Get(ctx, uint64(checkpoint.ID))
		if err != nil {
			return fmt.Errorf("anchor of checkpoint %d: %w", checkpoint.ID, err)
		}
		root, err := tree.RootAt(checkpoint.ID)
		if err != nil {
			return err
		}
		if !bytes.Equal(anchor.Root, root[:]) || anchor.Size_ != checkpoint.Size || anchor.Retained != checkpoint.Retained {
			return fmt.Errorf("anchor %v, the checkpoint has root %s and size %d", anchor, root, checkpoint.Size)
		}
		if _, err := k.FindAnchor(ctx, root); err != nil {
			return fmt.Errorf("height of root %s: %w", root, err)
		}
	}
	if newest.Count != count || newest.Size_ != last.Size {
		return fmt.Errorf("%d anchors up to size %d, but %d checkpoints up to size %d", newest.Count, newest.Size_, count, last.Size)
	}
	if history, err := k.exportHistory(ctx); err != nil || history == nil {
		return err // a state of version 2 has no history
	}
	return k.checkHistory(ctx, tree)
}

// A Migrator changes the store of an older version of the module in place.
type Migrator struct{ keeper Keeper }

// NewMigrator returns the migrations of a keeper's store.
func NewMigrator(k Keeper) Migrator { return Migrator{k} }

// Migrate1to2 makes the anchors, which version 1 did not have, from the tree's
// checkpoints.
func (m Migrator) Migrate1to2(ctx sdk.Context) error {
	tree, err := m.keeper.openTree(ctx)
	if err != nil {
		return err
	}
	return m.keeper.rebuildAnchors(ctx, tree, 0)
}

// Migrate2to3 makes the records of sizes and subtrees, which version 2 did not have,
// from the tree's checkpoints, as far as they tell; and has the retained anchors apart
// from the others.
func (m Migrator) Migrate2to3(ctx sdk.Context) error {
	tree, err := m.keeper.openTree(ctx)
	if err != nil {
		return err
	}
	total, err := m.keeper.rebuildHistory(ctx, tree, uint64(ctx.BlockHeight()))
	if err != nil {
		return err
	}
	return m.keeper.rebuildAnchors(ctx, tree, total)
}

// Migrate3to4 sets the bounds of the queue, which version 3 did not have, to their
// defaults. max_commitments of the chain may be above the default.
func (m Migrator) Migrate3to4(ctx sdk.Context) error {
	params, err := m.keeper.params.Get(ctx)
	if err != nil {
		return err
	}
	defaults := types.DefaultParams()
	if params.MaxQueuedPerBlock == 0 {
		params.MaxQueuedPerBlock = max(defaults.MaxQueuedPerBlock, params.MaxCommitments)
	}
	if params.MaxWaiting == 0 {
		params.MaxWaiting = defaults.MaxWaiting
	}
	return m.keeper.params.Set(ctx, params)
}
