package keeper

import (
	"context"
	"encoding/binary"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// queueReserve is the room that the mode Queue leaves free in the tree, more
// than a block can bring. So EndBlock never finds the tree full.
const queueReserve = 1 << 24

// queue takes leaves of a transaction for the block's queue, and its fixed price.
func (k Keeper) queue(ctx sdk.Context, params types.Params, tree *kvshard.Tree, origin string, leaves []kvshard.Node) error {
	size, err := tree.Size()
	if err != nil {
		return err
	}
	if size+queueReserve > 1<<kvshard.Depth {
		return types.ErrTreeFull
	}
	ctx.GasMeter().ConsumeGas(params.GasPerQueued*uint64(len(leaves)), "queued note commitments")
	if err := k.enqueue(ctx, leaves); err != nil {
		return err
	}
	return ctx.EventManager().EmitTypedEvent(&types.EventQueue{Origin: origin, Count: uint32(len(leaves))})
}

// nextQueueKey is the key behind all that the block has queued.
func (k Keeper) nextQueueKey(ctx sdk.Context) ([]byte, error) {
	it, err := k.transientService.OpenTransientStore(ctx).ReverseIterator(nil, nil)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var next uint32
	// The iterator of an empty cachekv store has an error of its own, and a transient
	// store, which is in memory, no other.
	if it.Valid() {
		next = binary.BigEndian.Uint32(it.Key()) + 1
	}
	return binary.BigEndian.AppendUint64(nil, uint64(next)<<32), nil
}

// enqueue adds leaves to those that the message has already queued.
func (k Keeper) enqueue(ctx sdk.Context, leaves []kvshard.Node) error {
	queue := k.transientService.OpenTransientStore(ctx)
	key, err := k.queueKey(ctx)
	if err != nil {
		return err
	}
	before, err := queue.Get(key)
	if err != nil {
		return err
	}
	value := make([]byte, 0, len(before)+len(leaves)*len(kvshard.Node{}))
	value = append(value, before...)
	for _, leaf := range leaves {
		value = append(value, leaf[:]...)
	}
	return queue.Set(key, value)
}

// appendQueue appends the block's queue in one batch, empties it, and emits each
// message's positions.
func (k Keeper) appendQueue(ctx context.Context, tree *kvshard.Tree) error {
	var leaves []kvshard.Node
	type entry struct {
		key     []byte
		tx, msg uint32
		count   int
	}
	var entries []entry
	queue := k.transientService.OpenTransientStore(ctx)
	for queued, err := range kvshard.Entries(queue, nil, nil) {
		if err != nil {
			return err
		}
		key, value := queued.Key, queued.Value
		if len(key) != 8 || len(value)%32 != 0 {
			return fmt.Errorf("queue record %x of %d bytes", key, len(value))
		}
		e := entry{key: key, tx: binary.BigEndian.Uint32(key), msg: binary.BigEndian.Uint32(key[4:]), count: len(value) / 32}
		for ; len(value) > 0; value = value[32:] {
			leaves = append(leaves, kvshard.Node(value[:32]))
		}
		entries = append(entries, e)
	}
	if len(leaves) == 0 {
		return nil
	}
	for _, e := range entries {
		if err := queue.Delete(e.key); err != nil {
			return err
		}
	}
	first, err := tree.AppendBatch(leaves)
	if err != nil {
		return err
	}
	events := sdk.UnwrapSDKContext(ctx).EventManager()
	for _, e := range entries {
		event := &types.EventAppendQueued{TxIndex: e.tx, MsgIndex: e.msg, First: first, Count: uint32(e.count)}
		if err := events.EmitTypedEvent(event); err != nil {
			return err
		}
		first += uint64(e.count)
	}
	return nil
}
