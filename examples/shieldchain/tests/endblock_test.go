package tests

import (
	"testing"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestOperationsOfEndBlock counts what EndBlock does in the store, at heights that
// complete no shard of the tree: with as many anchors as are kept, one is dropped. In the
// mode Queue it appends, and reads how many commitments wait: a get more.
func TestOperationsOfEndBlock(t *testing.T) {
	accepted, got, idle := operationsOfEndBlock(t, types.Direct)
	// Reads: parameters, size, newest; the tree's checkpoint and root; the root's name, of
	// the new anchor and of the dropped one. Sets: tree 2; anchor, root's name, newest, size.
	if got.Gets != 9 || got.Sets != 6 || got.Deletes != 3 || got.IterCreates != 2 || got.IterNexts != 2 || got.Has != 0 {
		t.Errorf("a height that appended: %v", got)
	}
	if idle.Ops() != 3 || idle.Gets != 3 {
		t.Errorf("a height that appended nothing: %v", idle)
	}
	queued, later, idle := operationsOfEndBlock(t, types.Queue)
	// Reads: parameters, how many wait, the tree's size.
	if queued.Ops() != 3 || queued.Gets != 3 {
		t.Errorf("a call that queues: %v", queued)
	}
	batch := accepted
	batch.Gets-- // the parameters
	if later = later.Sub(batch); later.Gets != got.Gets+1 || later.Ops() != got.Ops()+1 {
		t.Errorf("a height that appended from the queue: %v besides the append, want a get more than %v", later, got)
	}
	if idle.Ops() != 4 || idle.Gets != 4 {
		t.Errorf("a height that queued nothing: %v", idle)
	}
}

// operationsOfEndBlock counts a call of Append, EndBlock behind it, and EndBlock of a
// height without one.
func operationsOfEndBlock(t *testing.T, mode types.AppendMode) (accepted, appended, idle kvtest.Counts) {
	params := *withMode(mode)
	params.MaxAnchors = 3
	c := chaintest.New(t, chaintest.Config{Params: &params})
	c.MustBlock() // commits genesis
	ctx := c.Context()
	kv := kvtest.NewTraceStore(chaintest.CoreStore{KVStore: ctx.KVStore(c.App.StoreKey(types.StoreKey))})
	endBlock := func(height int64, leaves int) (accepted, appended kvtest.Counts) {
		ctx := ctx.WithBlockHeight(height)
		// A block's transient store is its own.
		k := keeper.NewKeeper(c.App.Codec(), service{kv}, queueIn{kvtest.NewMemStore()}, nil, "")
		before := kv.Counts()
		if leaves > 0 {
			transaction := ctx.WithExecMode(sdk.ExecModeFinalize).WithTxIndex(0)
			_, _, err := k.Append(transaction, "", chaintest.Append(c.Accounts[0], chaintest.Leaves(int(height)*100, leaves)...).Commitments)
			chaintest.Must0(t, err)
		}
		accepted, before = kv.Counts().Sub(before), kv.Counts()
		chaintest.Must0(t, k.EndBlock(ctx))
		return accepted, kv.Counts().Sub(before)
	}
	for height := range int64(6) {
		endBlock(height+2, 2)
	}
	accepted, appended = endBlock(8, 1)
	_, idle = endBlock(9, 0)
	return accepted, appended, idle
}
