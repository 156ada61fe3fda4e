package keeper

import (
	"context"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// Waiting returns how many commitments wait from earlier blocks. Only code outside of
// transactions changes it, so transactions that read it do not conflict.
//
// Cost: 1 get.
func (k Keeper) Waiting(ctx context.Context) (uint64, error) {
	waiting, err := orZero(k.waiting.Get(ctx))
	if err == nil && waiting > 1<<kvshard.Depth {
		err = fmt.Errorf("%d commitments wait, and a tree has room for %d: the record is damaged", waiting, uint64(1)<<kvshard.Depth)
	}
	return waiting, err
}

// setWaiting records how many wait. If none do there is no record.
func (k Keeper) setWaiting(ctx context.Context, before, after uint64) error {
	switch {
	case after == before:
		return nil
	case after == 0:
		return k.waiting.Remove(ctx)
	default:
		return k.waiting.Set(ctx, after)
	}
}

// waitingCall returns the call that will have a position; end is behind the last one.
func (k Keeper) waitingCall(ctx context.Context, position, end uint64) (*types.QueuedCall, error) {
	call, err := k.queued.Get(ctx, position)
	if err == nil {
		err = call.Whole()
	}
	if err == nil && call.Count() > end-position {
		err = fmt.Errorf("it has %d commitments, and %d wait", call.Count(), end-position)
	}
	if err != nil {
		return nil, fmt.Errorf("queue record for position %d: %w", position, err)
	}
	return &call, nil
}

// wait puts calls behind those that wait. next is the position that the first will have.
func (k Keeper) wait(ctx context.Context, next uint64, calls []*types.QueuedCall) (uint64, error) {
	for _, call := range calls {
		if err := k.queued.Set(ctx, next, *call); err != nil {
			return 0, err
		}
		next += call.Count()
	}
	return next, nil
}

// appendQueue appends what waits from earlier blocks and then what this block queued, in
// one batch and each call as a whole, up to the block's bound. The rest waits. It emits
// each call's positions, and returns the tree's size and how many commitments wait.
//
// All is read before the first write.
func (k Keeper) appendQueue(ctx context.Context, params types.Params, tree *kvshard.Tree) (size, waiting uint64, err error) {
	if size, err = tree.Size(); err != nil {
		return 0, 0, err
	}
	block, err := k.readBlockQueue(ctx)
	if err != nil {
		return 0, 0, err
	}
	before, err := k.Waiting(ctx)
	if err != nil || before == 0 && len(block.calls) == 0 {
		return size, before, err
	}
	room := room{bound: uint64(params.MaxQueuedPerBlock), used: block.drained}
	var batch []*types.QueuedCall
	var old []uint64
	position, end := size, size+before
	for position < end {
		call, err := k.waitingCall(ctx, position, end)
		if err != nil {
			return 0, 0, err
		}
		if !room.take(call) {
			break
		}
		batch, old = append(batch, call), append(old, position)
		position += call.Count()
	}
	rest := block.calls
	for position >= end && len(rest) > 0 && room.take(rest[0]) {
		position += rest[0].Count()
		batch, rest = append(batch, rest[0]), rest[1:]
	}

	if err := k.clearBlockQueue(ctx, block, room.used); err != nil {
		return 0, 0, err
	}
	if err := k.appendCalls(ctx, tree, batch); err != nil {
		return 0, 0, err
	}
	for _, at := range old {
		if err := k.queued.Remove(ctx, at); err != nil {
			return 0, 0, err
		}
	}
	last, err := k.wait(ctx, max(position, end), rest)
	if err != nil {
		return 0, 0, err
	}
	return position, last - position, k.setWaiting(ctx, before, last-position)
}

// A room counts what a block appends from the queue.
type room struct{ bound, used uint64 }

// take tells whether the block appends a call. The first one fits always: max_commitments
// may have been higher when it was accepted.
func (r *room) take(call *types.QueuedCall) bool {
	if r.used > 0 && r.used+call.Count() > r.bound {
		return false
	}
	r.used += call.Count()
	return true
}

// appendCalls appends calls in one batch.
func (k Keeper) appendCalls(ctx context.Context, tree *kvshard.Tree, calls []*types.QueuedCall) error {
	if len(calls) == 0 {
		return nil
	}
	var leaves []kvshard.Node
	for _, call := range calls {
		leaves = append(leaves, call.Leaves()...)
	}
	first, err := tree.AppendBatch(leaves)
	if err != nil {
		return err
	}
	events := sdk.UnwrapSDKContext(ctx).EventManager()
	for _, call := range calls {
		event := &types.EventAppendQueued{
			Origin: call.Origin, First: first, Count: uint32(call.Count()),
			Height: call.Height, TxIndex: call.TxIndex, MsgIndex: call.MsgIndex, OutsideTx: call.OutsideTx,
		}
		if err := events.EmitTypedEvent(event); err != nil {
			return err
		}
		first += call.Count()
	}
	return nil
}

// waitOutsideTx puts what a module brought outside of a transaction behind what waits. No
// bound refuses it: an error there stops the chain.
func (k Keeper) waitOutsideTx(ctx sdk.Context, size, waiting uint64, origin string, leaves []kvshard.Node) error {
	if size+waiting+uint64(len(leaves)) > 1<<kvshard.Depth {
		return types.ErrTreeFull
	}
	call := queuedCall(origin, leaves)
	call.Height, call.OutsideTx = uint64(ctx.BlockHeight()), true
	end, err := k.wait(ctx, size+waiting, []*types.QueuedCall{call})
	if err != nil {
		return err
	}
	if err := k.setWaiting(ctx, waiting, end-size); err != nil {
		return err
	}
	return ctx.EventManager().EmitTypedEvent(&types.EventQueue{Origin: origin, Count: uint32(len(leaves))})
}

// endDrain makes the mode Drain the mode Direct.
func (k Keeper) endDrain(ctx context.Context, params types.Params) error {
	params.AppendMode = types.Direct
	return k.params.Set(ctx, params)
}

// eachWaiting calls f with each call that waits, from the position that the first will
// have. It opens no iterator: each call tells where the next one is.
func (k Keeper) eachWaiting(ctx context.Context, size uint64, f func(position uint64, call *types.QueuedCall) error) error {
	waiting, err := k.Waiting(ctx)
	if err != nil {
		return err
	}
	for position, end := size, size+waiting; position < end; {
		call, err := k.waitingCall(ctx, position, end)
		if err != nil {
			return err
		}
		if err := f(position, call); err != nil {
			return err
		}
		position += call.Count()
	}
	return nil
}

func (k Keeper) exportWaiting(ctx context.Context, size uint64) (calls []types.QueuedCall, err error) {
	err = k.eachWaiting(ctx, size, func(_ uint64, call *types.QueuedCall) error {
		calls = append(calls, *call)
		return nil
	})
	return calls, err
}

// initWaiting writes what waits in genesis. now is the height that the chain starts at.
func (k Keeper) initWaiting(ctx context.Context, size uint64, calls []types.QueuedCall, now uint64) error {
	next := size
	for i := range calls {
		if calls[i].Height >= now {
			return fmt.Errorf("waiting: number %d was accepted at height %d, the chain starts at %d: set initial_height above it", i, calls[i].Height, now)
		}
		end, err := k.wait(ctx, next, []*types.QueuedCall{&calls[i]})
		if err != nil {
			return err
		}
		next = end
	}
	return k.setWaiting(ctx, 0, next-size)
}

// checkWaiting checks what waits: that it is all there and nothing else, that it can be
// appended, and that a block will.
func (k Keeper) checkWaiting(ctx context.Context, params types.Params, size uint64) error {
	var want []uint64
	var last uint64
	err := k.eachWaiting(ctx, size, func(position uint64, call *types.QueuedCall) error {
		if err := call.Validate(); err != nil {
			return fmt.Errorf("queue record for position %d: %w", position, err)
		}
		if call.Height < last {
			return fmt.Errorf("queue record for position %d: height %d is below that of the call before, %d", position, call.Height, last)
		}
		want, last = append(want, position), call.Height
		return nil
	})
	if err != nil {
		return err
	}
	found, err := keys(ctx, k.queued, nil)
	if err != nil {
		return err
	}
	if len(found) != len(want) {
		return fmt.Errorf("%d queue records were found, and %d calls wait", len(found), len(want))
	}
	if len(want) > 0 && params.AppendMode == types.Direct {
		return fmt.Errorf("%d calls wait in the mode %s", len(want), params.AppendMode)
	}
	return nil
}

// rewindWaiting drops what waits and was accepted behind what a Rewind left: what stays
// is a beginning of what was accepted. If the tree shrank that is nothing.
func (k Keeper) rewindWaiting(ctx context.Context, before, size, height uint64) error {
	var drop []uint64
	end := before
	err := k.eachWaiting(ctx, before, func(position uint64, call *types.QueuedCall) error {
		if size < before || call.Height > height {
			drop = append(drop, position)
		} else {
			end = position + call.Count()
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, position := range drop {
		if err := k.queued.Remove(ctx, position); err != nil {
			return err
		}
	}
	if len(drop) == 0 {
		return nil
	}
	if end == before {
		return k.waiting.Remove(ctx)
	}
	return k.waiting.Set(ctx, end-before)
}
