package tests

import (
	"testing"

	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestOperationsOfEndBlock counts what EndBlock does in the store, at heights that
// complete no shard of the tree: with as many anchors as are kept, one is dropped.
func TestOperationsOfEndBlock(t *testing.T) {
	params := types.DefaultParams()
	params.MaxAnchors = 3
	c := chaintest.New(t, chaintest.Config{Params: &params})
	c.MustBlock() // commits genesis
	ctx := c.Context()
	kv := kvtest.NewTraceStore(chaintest.CoreStore{KVStore: ctx.KVStore(c.App.StoreKey(types.StoreKey))})
	k := keeper.NewKeeper(c.App.Codec(), service{kv}, queueIn{kvtest.NewMemStore()}, nil, "")
	endBlock := func(height int64, leaves int) kvtest.Counts {
		ctx := ctx.WithBlockHeight(height)
		if leaves > 0 {
			_, _, err := k.Append(ctx, "", chaintest.Append(c.Accounts[0], chaintest.Leaves(int(height)*100, leaves)...).Commitments)
			chaintest.Must0(t, err)
		}
		before := kv.Counts()
		chaintest.Must0(t, k.EndBlock(ctx))
		return kv.Counts().Sub(before)
	}
	for height := range int64(6) {
		endBlock(height+2, 2)
	}
	// Reads: parameters, size, newest; the tree's checkpoint and root; the root's name, of
	// the new anchor and of the dropped one. Sets: tree 2; anchor, root's name, newest, size.
	if got := endBlock(8, 1); got.Gets != 9 || got.Sets != 6 || got.Deletes != 3 || got.IterCreates != 2 || got.IterNexts != 2 || got.Has != 0 {
		t.Errorf("a height that appended: %v", got)
	}
	if got := endBlock(9, 0); got.Ops() != 3 || got.Gets != 3 {
		t.Errorf("a height that appended nothing: %v", got)
	}
}
