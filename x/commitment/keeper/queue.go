package keeper

import (
	"bytes"
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

// The transient store has what the block's transactions queued: under each message's
// place, its calls one after the other (types.PackCall). The key drainedKey, which is
// before all of them, has how many commitments the block appended from the queue, a u64
// big-endian; no transaction reads or writes it.
var (
	drainedKey = []byte{0}
	firstPlace = make([]byte, 8)
)

// queue takes leaves of a transaction for the block's queue, and its fixed price.
func (k Keeper) queue(ctx sdk.Context, params types.Params, tree *kvshard.Tree, origin string, leaves []kvshard.Node) error {
	waiting, err := k.Waiting(ctx)
	if err != nil {
		return err
	}
	if waiting >= uint64(params.MaxWaiting) {
		return types.ErrQueueFull.Wrapf("%d commitments wait from earlier blocks, and at %d no more are taken: send the transaction again in a later block",
			waiting, params.MaxWaiting)
	}
	size, err := tree.Size()
	if err != nil {
		return err
	}
	if size+waiting+queueReserve > 1<<kvshard.Depth {
		return types.ErrTreeFull
	}
	ctx.GasMeter().ConsumeGas(params.GasPerQueued*uint64(len(leaves)), "queued note commitments")
	tx, msg, err := k.queuePlace(ctx)
	if err != nil {
		return err
	}
	if err := k.enqueue(ctx, tx, msg, queuedCall(origin, leaves)); err != nil {
		return err
	}
	return ctx.EventManager().EmitTypedEvent(&types.EventQueue{Origin: origin, Count: uint32(len(leaves))})
}

func queuedCall(origin string, leaves []kvshard.Node) *types.QueuedCall {
	call := &types.QueuedCall{Origin: origin}
	for _, leaf := range leaves {
		call.Commitments = append(call.Commitments, leaf[:]...)
	}
	return call
}

// enqueue adds a call to those that the message has already queued. The value does not
// have the place, which the key has: so the gas is the same at all places, and in a
// simulation.
func (k Keeper) enqueue(ctx context.Context, tx, msg uint32, call *types.QueuedCall) error {
	queue := k.transientService.OpenTransientStore(ctx)
	key := binary.BigEndian.AppendUint32(nil, tx)
	key = binary.BigEndian.AppendUint32(key, msg)
	before, err := queue.Get(key)
	if err != nil {
		return err
	}
	value, err := types.PackCall(bytes.Clone(before), call)
	if err != nil {
		return err
	}
	return queue.Set(key, value)
}

// nextPlace is a place behind all that the block has queued.
func (k Keeper) nextPlace(ctx context.Context) (uint32, error) {
	it, err := k.transientService.OpenTransientStore(ctx).ReverseIterator(firstPlace, nil)
	if err != nil {
		return 0, err
	}
	defer it.Close()
	if !it.Valid() {
		return 0, nil // the iterators of the SDK report an error at every end
	}
	return binary.BigEndian.Uint32(it.Key()) + 1, nil
}

// A blockQueue is what the block queued since the queue was last appended.
type blockQueue struct {
	keys    [][]byte
	calls   []*types.QueuedCall
	drained uint64
}

func (k Keeper) readBlockQueue(ctx context.Context) (q blockQueue, err error) {
	height := uint64(sdk.UnwrapSDKContext(ctx).BlockHeight())
	for entry, err := range kvshard.Entries(k.transientService.OpenTransientStore(ctx), nil, nil) {
		if err != nil {
			return q, err
		}
		switch {
		case len(entry.Key) == len(firstPlace):
			calls, err := types.UnpackCalls(entry.Value)
			if err != nil {
				return q, fmt.Errorf("record %x of the block's queue: %w", entry.Key, err)
			}
			for _, call := range calls {
				call.Height = height
				call.TxIndex = binary.BigEndian.Uint32(entry.Key)
				call.MsgIndex = binary.BigEndian.Uint32(entry.Key[4:])
			}
			q.keys, q.calls = append(q.keys, entry.Key), append(q.calls, calls...)
		case bytes.Equal(entry.Key, drainedKey) && len(entry.Value) == 8:
			q.drained = binary.BigEndian.Uint64(entry.Value)
		default:
			return q, fmt.Errorf("record %x of the block's queue has %d bytes", entry.Key, len(entry.Value))
		}
	}
	return q, nil
}

// clearBlockQueue removes what was read, and records how many commitments the block has
// appended from the queue.
func (k Keeper) clearBlockQueue(ctx context.Context, q blockQueue, drained uint64) error {
	queue := k.transientService.OpenTransientStore(ctx)
	for _, key := range q.keys {
		if err := queue.Delete(key); err != nil {
			return err
		}
	}
	if drained == q.drained {
		return nil
	}
	return queue.Set(drainedKey, binary.BigEndian.AppendUint64(nil, drained))
}
