package keeper_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

type stores struct{ kv, transient *kvtest.MemStore }

func (s *stores) OpenKVStore(context.Context) store.KVStore        { return s.kv }
func (s *stores) OpenTransientStore(context.Context) store.KVStore { return s.transient }

func (s *stores) setParams(t *testing.T, params types.Params) {
	t.Helper()
	record, err := params.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s.kv.Put([]byte{1}, record)
}

func leaf(i int) []byte {
	leaf := make([]byte, 32)
	binary.LittleEndian.PutUint64(leaf, uint64(i))
	return leaf
}

// transaction returns the context of a block's transaction, on each SDK.
func transaction(ctx sdk.Context, index int) sdk.Context {
	ctx = ctx.WithTxBytes([]byte{1})
	if placed, ok := any(ctx).(interface{ WithTxIndex(int) sdk.Context }); ok {
		return placed.WithTxIndex(index)
	}
	return ctx
}

// TestQueueOfThisSDK runs the queue on the SDK that it is compiled with, whose contexts may not know
// their place in the block: each call has a place of its own there. Three commitments are
// appended in one block; a module's own at the block's begin wait behind the others.
func TestQueueOfThisSDK(t *testing.T) {
	s := &stores{kvtest.NewMemStore(), kvtest.NewMemStore()}
	k := keeper.NewKeeper(codec.NewProtoCodec(codectypes.NewInterfaceRegistry()), s, s, nil, "")
	params := types.DefaultParams()
	params.AppendMode, params.MaxCommitments, params.MaxQueuedPerBlock = types.Queue, 3, 3
	ctx := sdk.NewContext(nil, cmtproto.Header{}, false, nil).WithExecMode(sdk.ExecModeFinalize)
	s.setParams(t, params)
	var want []kvshard.Node
	add := func(ctx sdk.Context, count int) (queued bool) {
		t.Helper()
		var commitments [][]byte
		for range count {
			commitments = append(commitments, leaf(len(want)+10))
			want = append(want, kvshard.Node(leaf(len(want)+10)))
		}
		_, queued, err := k.Append(ctx, fmt.Sprint("origin ", len(want)), commitments)
		if err != nil {
			t.Fatal(err)
		}
		return queued
	}
	for height := range int64(10) {
		ctx := ctx.WithBlockHeight(height + 1).WithEventManager(sdk.NewEventManager())
		s.transient = kvtest.NewMemStore()
		if height < 3 {
			before, _ := k.Waiting(ctx)
			if queued := add(ctx, 1); queued != (before > 3) {
				t.Errorf("height %d: queued %v behind %d", height, queued, before)
			}
			for count := range 3 {
				if !add(transaction(ctx, count), count+1) {
					t.Errorf("height %d: not queued", height)
				}
			}
		}
		if err := k.EndBlock(ctx); err != nil {
			t.Fatal(err)
		}
		appended := 0
		for _, event := range ctx.EventManager().ABCIEvents() {
			if event.Type == types.EventType(&types.EventAppendQueued{}) {
				message, err := types.ParseEvent(event)
				if err != nil {
					t.Fatal(err)
				}
				appended += int(message.(*types.EventAppendQueued).Count)
			}
		}
		if appended > 3 {
			t.Errorf("height %d appended %d", height, appended)
		}
		if message, broken := k.Invariant(ctx); broken {
			t.Errorf("height %d: %s", height, message)
		}
	}
	tree, err := kvshard.Open(s.kv)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tree.Nodes(0, 0, uint64(len(want)))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("leaves in another order: %v", err)
	}
	if waiting, err := k.Waiting(ctx); err != nil || waiting != 0 {
		t.Errorf("%d wait, %v", waiting, err)
	}
}

// TestQueueLeavesRoom: what waits counts where the mode Queue leaves room in the tree, so
// that EndBlock never finds the tree full.
func TestQueueLeavesRoom(t *testing.T) {
	const reserve = 1 << 24
	for waiting, want := range map[uint64]bool{0: true, 5: true, 6: false} {
		s := &stores{kvtest.NewMemStore(), kvtest.NewMemStore()}
		k := keeper.NewKeeper(codec.NewProtoCodec(codectypes.NewInterfaceRegistry()), s, s, nil, "")
		params := types.DefaultParams()
		params.AppendMode = types.Queue
		s.setParams(t, params)
		if waiting > 0 {
			s.kv.Put([]byte{9}, binary.BigEndian.AppendUint64(nil, waiting))
		}
		frontier := kvshard.Frontier{Size: 1<<32 - reserve - 5}
		for bit := range 32 {
			if (frontier.Size-1)>>bit&1 == 1 {
				frontier.Ommers = append(frontier.Ommers, kvshard.Node{byte(bit + 1)})
			}
		}
		tree, err := kvshard.Open(s.kv)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.InsertFrontier(frontier, 1); err != nil {
			t.Fatal(err)
		}
		ctx := transaction(sdk.NewContext(nil, cmtproto.Header{Height: 2}, false, nil).WithExecMode(sdk.ExecModeFinalize), 0)
		_, queued, err := k.Append(ctx, "", [][]byte{leaf(1)})
		if (err == nil && queued) != want || !want && !types.ErrTreeFull.Is(err) {
			t.Errorf("%d wait: queued %v, %v", waiting, queued, err)
		}
	}
}

// TestLastHeight: heights are ids of checkpoints, which have 32 bits. Above them nothing is
// accepted, and what waits goes on waiting: no transaction makes EndBlock fail.
func TestLastHeight(t *testing.T) {
	const last = 1<<32 - 2
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		s := &stores{kvtest.NewMemStore(), kvtest.NewMemStore()}
		k := keeper.NewKeeper(codec.NewProtoCodec(codectypes.NewInterfaceRegistry()), s, s, nil, "")
		params := types.DefaultParams()
		params.AppendMode, params.MaxCommitments, params.MaxQueuedPerBlock = mode, 3, 3
		s.setParams(t, params)
		for height := int64(last - 1); height <= last+2; height++ {
			ctx := sdk.NewContext(nil, cmtproto.Header{Height: height}, false, nil).WithExecMode(sdk.ExecModeFinalize)
			s.transient = kvtest.NewMemStore()
			for i, inside := range []sdk.Context{transaction(ctx, 0), transaction(ctx, 1), ctx} {
				_, _, err := k.Append(inside, "", [][]byte{leaf(3*i + 1), leaf(3*i + 2)})
				if height <= last && err != nil || height > last && !types.ErrTreeFull.Is(err) {
					t.Errorf("%s: height %d: %v", mode, height, err)
				}
			}
			if err := k.EndBlock(ctx); err != nil {
				t.Errorf("%s: EndBlock of height %d: %v", mode, height, err)
			}
			if message, broken := k.Invariant(ctx); broken {
				t.Errorf("%s: height %d: %s", mode, height, message)
			}
		}
	}
}
