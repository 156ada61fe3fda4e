package keeper

import (
	"context"
	"reflect"

	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// What the versions of the SDK have in other ways. The module is one source for all that
// go.mod allows: nothing here names a package or a method that one of them lacks.

// positioned is a context that knows its transaction's and its message's place in the
// block, as that of SDK 0.55 and later.
type positioned interface {
	TxIndex() int
	MsgIndex() int
}

// inTransaction tells whether a message of a transaction is executed. Only then is there
// an EndBlock to come that appends a queue, and a place in the block that no other
// message has. A block's own code and upgrades are at index -1, and before SDK 0.55 they
// have no bytes of a transaction. Genesis, its transactions included, has CheckTx's mode,
// but not its flag. The other modes, in which nothing is kept, stand for transactions to
// come.
func inTransaction(ctx sdk.Context) bool {
	switch ctx.ExecMode() {
	case sdk.ExecModeFinalize:
	case sdk.ExecModeCheck:
		return ctx.IsCheckTx()
	default:
		return true
	}
	if place, ok := any(ctx).(positioned); ok {
		return place.TxIndex() >= 0
	}
	return len(ctx.TxBytes()) > 0
}

// queuePlace is the place of a message in its block, the transaction's index and its own.
// It is the key of what the message queues. No two transactions share one, and none reads
// another's, so under block-STM they do not conflict.
//
// Before SDK 0.55 a context does not know its place, and transactions run one after the
// other. There the place is the number of the call in the block, and 0.
func (k Keeper) queuePlace(ctx sdk.Context) (tx, msg uint32, err error) {
	place, ok := any(ctx).(positioned)
	if ok {
		return uint32(place.TxIndex()), uint32(place.MsgIndex()), nil
	}
	tx, err = k.nextPlace(ctx)
	return tx, 0, err
}

// checkAuthority returns an error unless this is the address that changes parameters: the
// one that the consensus parameters name, which they can since SDK 0.55, or the keeper's.
func (k Keeper) checkAuthority(ctx context.Context, address string) error {
	expected := k.authority
	params := reflect.ValueOf(sdk.UnwrapSDKContext(ctx).ConsensusParams())
	if field := params.FieldByName("Authority"); field.IsValid() {
		if named, ok := field.Interface().(interface{ GetAuthority() string }); ok && named.GetAuthority() != "" {
			expected = named.GetAuthority()
		}
	}
	if expected != address {
		return sdkerrors.ErrUnauthorized.Wrapf("invalid authority: expected %s, got %s", expected, address)
	}
	return nil
}
