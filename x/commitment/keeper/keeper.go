// Package keeper keeps a note commitment tree in the store of x/commitment.
//
// The store has the tree's records (kvshard's FORMAT.md: keys that begin with
// 0x0F to 0x15), and besides them
//
//	0x01                        the parameters
//	0x02 ‖ u64 height           the anchor of a height that appended
//	0x03 ‖ root                 the height of an anchor, kept for ever or not
//	0x04                        how many anchors there are, and the newest size
//	0x05 ‖ u64 height           an anchor that is kept for ever
//	0x06 ‖ u64 height           the size after a height that appended, never pruned
//	0x07 ‖ u64 index            the height that completed a subtree of 65,536 leaves, never pruned
//	0x08                        the height from which 0x06 has all; absent if from the first
//	0x09                        how many commitments wait from earlier blocks; absent if none
//	0x0A ‖ u64 position         a queued call that waits, under the position of its first leaf
//
// The transient store has a block's queue in the mode Queue: for each message,
// under its place in the block, its calls one after the other.
package keeper

import (
	"context"
	"errors"
	"math"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/address"
	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// A Keeper keeps the tree. It has no state of its own, so it can be copied. Any
// number of goroutines may use one, each with its own context.
type Keeper struct {
	storeService     store.KVStoreService
	transientService store.TransientStoreService
	addressCodec     address.Codec
	authority        string
	genesisDir       string
	switchedOff      []string

	params   collections.Item[types.Params]
	anchors  collections.Map[uint64, types.Anchor]
	retained collections.Map[uint64, types.Anchor]
	heights  collections.Map[[]byte, uint64]
	newest   collections.Item[types.Newest]

	sizes     collections.Map[uint64, uint64]
	subtrees  collections.Map[uint64, uint64]
	knownFrom collections.Item[uint64]

	waiting collections.Item[uint64]
	queued  collections.Map[uint64, types.QueuedCall]
}

// An Option configures a Keeper.
type Option func(*Keeper)

// WithGenesisDir makes ExportGenesis write the tree's records to a file in this
// directory, and InitGenesis read such a file there. Genesis then has only the
// file's name and hash. Without this option the records are part of genesis, in
// base64.
func WithGenesisDir(dir string) Option {
	return func(k *Keeper) { k.genesisDir = dir }
}

// NewKeeper returns a keeper over these stores. The authority changes the
// parameters, unless the consensus parameters name another authority.
func NewKeeper(
	cdc codec.BinaryCodec,
	storeService store.KVStoreService,
	transientService store.TransientStoreService,
	addressCodec address.Codec,
	authority string,
	opts ...Option,
) Keeper {
	// A program that was linked wrongly fails here, and not in the first block.
	if err := kvshard.CheckLinked(); err != nil {
		panic(err)
	}
	sb := collections.NewSchemaBuilder(storeService)
	k := Keeper{
		storeService:     storeService,
		transientService: transientService,
		addressCodec:     addressCodec,
		authority:        authority,

		params:   collections.NewItem(sb, types.ParamsPrefix, "params", codec.CollValue[types.Params](cdc)),
		anchors:  collections.NewMap(sb, types.AnchorPrefix, "anchors", collections.Uint64Key, codec.CollValue[types.Anchor](cdc)),
		heights:  collections.NewMap(sb, types.RootPrefix, "heights", collections.BytesKey, collections.Uint64Value),
		newest:   collections.NewItem(sb, types.NewestPrefix, "newest", codec.CollValue[types.Newest](cdc)),
		retained: collections.NewMap(sb, types.RetainedPrefix, "retained", collections.Uint64Key, codec.CollValue[types.Anchor](cdc)),

		sizes:     collections.NewMap(sb, types.SizePrefix, "sizes", collections.Uint64Key, collections.Uint64Value),
		subtrees:  collections.NewMap(sb, types.SubtreePrefix, "subtrees", collections.Uint64Key, collections.Uint64Value),
		knownFrom: collections.NewItem(sb, types.KnownFromPrefix, "known_from", collections.Uint64Value),

		waiting: collections.NewItem(sb, types.WaitingPrefix, "waiting", collections.Uint64Value),
		queued:  collections.NewMap(sb, types.QueuedPrefix, "queued", collections.Uint64Key, codec.CollValue[types.QueuedCall](cdc)),
	}
	if _, err := sb.Build(); err != nil {
		panic(err)
	}
	for _, opt := range opts {
		opt(&k)
	}
	return k
}

var _ types.CommitmentKeeper = Keeper{}

// openTree opens the tree in the context's store. It reads the parameters; opening
// the tree itself costs nothing, and the tree is dropped after use. Hashes are
// charged to the context's gas meter, after the call that computed them.
func (k Keeper) openTree(ctx context.Context) (*kvshard.Tree, error) {
	params, err := k.params.Get(ctx)
	if err != nil {
		return nil, err
	}
	return k.tree(ctx, params)
}

func (k Keeper) tree(ctx context.Context, params types.Params) (*kvshard.Tree, error) {
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	meter := sdkCtx.GasMeter()
	return kvshard.Open(k.storeService.OpenKVStore(ctx),
		kvshard.WithMaxCheckpoints(params.MaxAnchors),
		kvshard.WithObserver(func(s kvshard.Stats) {
			reportHashes(sdkCtx, s.Hashes)
			meter.ConsumeGas(params.GasPerHash*s.Hashes, "note commitment hashes")
		}),
	)
}

// Append adds commitments to the tree or, in a transaction and the mode Queue, to the
// block's queue. A module that accepts notes of its own calls it, wherever it is called
// itself; the events name the origin, an address or the module's name. In all modes and
// at all places the leaves are in the order in which they were accepted.
//
// Outside of a transaction, what was queued before is appended first, as far as the
// block's bound allows. If all of it was, the module's own is in the tree at once.
// Otherwise it waits too, behind the rest: queued is true. It is never refused because
// many wait.
//
// What is appended behind this module's EndBlock is in the tree at once, and in the
// anchor of the next height.
func (k Keeper) Append(ctx context.Context, origin string, commitments [][]byte) (first uint64, queued bool, err error) {
	params, err := k.params.Get(ctx)
	if err != nil {
		return 0, false, err
	}
	leaves, err := checkCommitments(params, commitments)
	if err != nil {
		return 0, false, err
	}
	tree, err := k.tree(ctx, params)
	if err != nil {
		return 0, false, err
	}
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	if beyondAnchors(sdkCtx) {
		return 0, false, types.ErrTreeFull.Wrapf("height %d: the last height that can have an anchor is %d", sdkCtx.BlockHeight(), uint32(lastAnchor))
	}
	if params.AppendMode != types.Direct {
		if inTransaction(sdkCtx) {
			return 0, true, k.queue(sdkCtx, params, tree, origin, leaves)
		}
		size, waiting, err := k.appendQueue(ctx, params, tree)
		if err != nil {
			return 0, false, err
		}
		if waiting > 0 {
			return 0, true, k.waitOutsideTx(sdkCtx, size, waiting, origin, leaves)
		}
	}
	first, err = tree.AppendBatch(leaves)
	if errors.Is(err, kvshard.ErrTreeFull) {
		return 0, false, types.ErrTreeFull
	}
	if err != nil {
		return 0, false, err
	}
	event := &types.EventAppend{Origin: origin, First: first, Count: uint32(len(leaves))}
	return first, false, sdkCtx.EventManager().EmitTypedEvent(event)
}

func checkCommitments(params types.Params, commitments [][]byte) ([]kvshard.Node, error) {
	if len(commitments) == 0 || uint64(len(commitments)) > uint64(params.MaxCommitments) {
		return nil, types.ErrTooMany.Wrapf("%d, allowed are 1 to %d", len(commitments), params.MaxCommitments)
	}
	leaves := make([]kvshard.Node, len(commitments))
	for i, c := range commitments {
		leaf, err := kvshard.NodeFromBytes(c)
		if err != nil {
			return nil, types.ErrInvalidCommitment.Wrapf("number %d: %v", i, err)
		}
		leaves[i] = leaf
	}
	return leaves, nil
}

// EndBlock appends what is queued, up to the block's bound. If the tree has grown, it
// makes the height's checkpoint and anchor. baseapp recovers from nothing here: an error
// or a panic stops the node, and all other nodes too. No transaction can cause
// one: its input was checked when it ran, and there is no gas limit.
//
// Above the last height that can have an anchor it does nothing, and Append refuses all.
func (k Keeper) EndBlock(ctx context.Context) error {
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	if beyondAnchors(sdkCtx) {
		return nil
	}
	params, err := k.params.Get(ctx)
	if err != nil {
		return err
	}
	tree, err := k.tree(ctx, params)
	if err != nil {
		return err
	}
	size, err := k.endQueue(ctx, params, tree)
	if err != nil {
		return err
	}
	newest, err := orZero(k.newest.Get(ctx))
	if err != nil {
		return err
	}
	if size == newest.Size_ {
		return nil
	}
	height := sdkCtx.BlockHeight()
	if err := tree.Checkpoint(uint32(height)); err != nil {
		return err
	}
	root, err := tree.Root()
	if err != nil {
		return err
	}
	anchor := types.Anchor{Height: uint32(height), Root: root[:], Size_: size}
	if err := k.addAnchor(ctx, params, tree, newest, anchor); err != nil {
		return err
	}
	if err := k.recordHeight(ctx, newest, uint64(height), size); err != nil {
		return err
	}
	reportTree(newest.Size_, size)
	return sdkCtx.EventManager().EmitTypedEvent(&types.EventAnchor{Height: uint64(height), Root: root[:], Size_: size})
}

// lastAnchor is the highest id that a checkpoint can have.
const lastAnchor = math.MaxUint32 - 1

func beyondAnchors(ctx sdk.Context) bool { return ctx.BlockHeight() > lastAnchor }

// endQueue appends what is queued, and returns the tree's size. In the mode Direct
// nothing is, ever.
func (k Keeper) endQueue(ctx context.Context, params types.Params, tree *kvshard.Tree) (uint64, error) {
	if params.AppendMode == types.Direct {
		return tree.Size()
	}
	size, waiting, err := k.appendQueue(ctx, params, tree)
	if err == nil && waiting == 0 && params.AppendMode == types.Drain {
		err = k.endDrain(ctx, params)
	}
	return size, err
}

// orZero turns "not found" into the zero value.
func orZero[T any](value T, err error) (T, error) {
	if errors.Is(err, collections.ErrNotFound) {
		var zero T
		return zero, nil
	}
	return value, err
}
