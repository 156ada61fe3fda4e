// Package compat is an application on an older Cosmos SDK with a tree in it. CI
// runs its tests against kvshard as released, once for each minor version of the
// SDK: go.mod asks for 0.53, sdk-0.50.mod for 0.50 (make test-sdk-053 and
// test-sdk-050). examples/shieldchain is for SDK 0.55.
//
// It imports x/group, x/crisis and testutil/configurator, which need packages of
// cosmossdk.io/api that its v1 no longer has. So the application does not compile
// if kvshard's go.mod asks for a cosmossdk.io/core that brings that v1.
package compat

import (
	"context"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
)

// A Keeper keeps the tree in a store of its own, as docs/keeper.md shows.
type Keeper struct {
	storeService store.KVStoreService
}

// Tree opens the tree over the context's store.
func (k Keeper) Tree(ctx context.Context, opts ...kvshard.Option) (*kvshard.Tree, error) {
	return kvshard.Open(k.storeService.OpenKVStore(ctx), opts...)
}

// EndBlock appends the leaves of the block, and makes a checkpoint at its height.
func (k Keeper) EndBlock(ctx context.Context, leaves []kvshard.Node, height uint32) error {
	tree, err := k.Tree(ctx)
	if err != nil {
		return err
	}
	if _, err := tree.AppendBatch(leaves); err != nil {
		return err
	}
	return tree.Checkpoint(height)
}
