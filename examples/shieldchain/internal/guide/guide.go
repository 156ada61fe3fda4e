// Package guide has the code of docs/keeper.md that x/commitment does not use.
// The guide quotes it, and a test compares the two.
package guide

import (
	"context"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
)

// A Keeper keeps one Tree and sets the store of each context.
type Keeper struct {
	storeService store.KVStoreService
	proxy        *kvshard.StoreProxy
	tree         *kvshard.Tree
}

// NewKeeper makes the Tree before there is any store.
func NewKeeper(storeService store.KVStoreService) (*Keeper, error) {
	proxy := kvshard.NewStoreProxy(nil)
	tree, err := kvshard.New(proxy)
	return &Keeper{storeService, proxy, tree}, err
}

// EndBlock runs on the block's goroutine and no other.
func (k *Keeper) EndBlock(ctx context.Context, leaves []kvshard.Node, height uint32) error {
	k.proxy.SetStore(k.storeService.OpenKVStore(ctx))
	defer k.proxy.SetStore(nil)
	if _, err := k.tree.AppendBatch(leaves); err != nil {
		return err
	}
	return k.tree.Checkpoint(height)
}

// TwoTrees are in one store; neither sees the other.
func TwoTrees(kv store.KVStore) (notes, votes *kvshard.Tree, err error) {
	if notes, err = kvshard.Open(kv, kvshard.WithPrefix([]byte("notes/"))); err != nil {
		return nil, nil, err
	}
	votes, err = kvshard.Open(kv, kvshard.WithPrefix([]byte("votes/")))
	return notes, votes, err
}
