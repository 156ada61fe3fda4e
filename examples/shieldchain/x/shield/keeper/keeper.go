// Package keeper keeps the pool of shielded value: which notes are spent, and
// how much the others are worth. It is an example and has not been audited.
//
// The store has
//
//	0x01                        the parameters
//	0x02 ‖ nullifier            the height that spent the note
//	0x03                        the value of all unspent notes
//
// The coins are in the account of the module. The notes' commitments are in the
// tree of x/commitment.
package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/address"
	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/codec"

	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
)

// A Keeper keeps the pool. It can be copied; the copies share the Verifier. Any
// number of goroutines may use one, each with its own context.
type Keeper struct {
	addressCodec address.Codec
	authority    string
	accounts     types.AccountKeeper
	bank         types.BankKeeper
	commitment   types.CommitmentKeeper
	verifier     *Verifier

	params     collections.Item[types.Params]
	nullifiers collections.Map[[]byte, uint64]
	pool       collections.Item[uint64]
}

// NewKeeper returns a keeper over a store. The bank must refuse payments to the
// module's account: its balance is the pool's value, to the last coin. The
// authority changes the parameters, unless the consensus parameters name another
// authority.
func NewKeeper(
	cdc codec.BinaryCodec,
	storeService store.KVStoreService,
	addressCodec address.Codec,
	authority string,
	accounts types.AccountKeeper,
	bank types.BankKeeper,
	commitment types.CommitmentKeeper,
	verifier *Verifier,
) Keeper {
	sb := collections.NewSchemaBuilder(storeService)
	k := Keeper{
		addressCodec: addressCodec,
		authority:    authority,
		accounts:     accounts,
		bank:         bank,
		commitment:   commitment,
		verifier:     verifier,

		params:     collections.NewItem(sb, collections.NewPrefix(1), "params", codec.CollValue[types.Params](cdc)),
		nullifiers: collections.NewMap(sb, collections.NewPrefix(2), "nullifiers", collections.BytesKey, collections.Uint64Value),
		pool:       collections.NewItem(sb, collections.NewPrefix(3), "pool", collections.Uint64Value),
	}
	if _, err := sb.Build(); err != nil {
		panic(err)
	}
	return k
}

// Spent tells whether a note is spent, and the height of the block that spent it.
func (k Keeper) Spent(ctx context.Context, nullifier []byte) (height uint64, spent bool, err error) {
	height, err = k.nullifiers.Get(ctx, nullifier)
	if errors.Is(err, collections.ErrNotFound) {
		return 0, false, nil
	}
	return height, err == nil, err
}

// Pool returns the value of all unspent notes.
func (k Keeper) Pool(ctx context.Context) (uint64, error) {
	value, err := k.pool.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) {
		return 0, nil
	}
	return value, err
}

// Verifications returns how many bundles were verified, and not found in the
// cache. It is for tests and figures.
func (k Keeper) Verifications() int64 { return k.verifier.Verifications() }
