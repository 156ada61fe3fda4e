// Package ante verifies bundles before they enter the mempool.
package ante

import (
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/keeper"
	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
)

// A Decorator refuses a transaction with a bad bundle in CheckTx and in
// proposals. It stands behind the decorators that take the fee and check the
// signatures, so nobody makes a node verify who could not pay for it.
//
// In a block it does nothing: the message verifies, and pays for it, from the
// same Verifier. A block's bad bundle so costs its sender the fee, which the
// failure of an ante handler would give back. A simulation runs the message too.
type Decorator struct{ keeper keeper.Keeper }

var _ sdk.AnteDecorator = Decorator{}

// NewDecorator returns the decorator of a keeper.
func NewDecorator(k keeper.Keeper) Decorator { return Decorator{k} }

// AnteHandle verifies the transaction's bundles. It does not see a message that
// is inside another one: only the block runs that.
func (d Decorator) AnteHandle(ctx sdk.Context, tx sdk.Tx, simulate bool, next sdk.AnteHandler) (sdk.Context, error) {
	if simulate || ctx.ExecMode() == sdk.ExecModeFinalize {
		return next(ctx, tx, simulate)
	}
	for _, msg := range tx.GetMsgs() {
		if msg, ok := msg.(*types.MsgBundle); ok {
			if err := d.keeper.Verify(ctx, msg); err != nil {
				return ctx, err
			}
		}
	}
	return next(ctx, tx, simulate)
}
