package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/math"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
)

// InitGenesis sets parameters, pool and nullifiers of a new chain. x/bank must
// have its balances already.
func (k Keeper) InitGenesis(ctx sdk.Context, state types.GenesisState) error {
	if err := state.Validate(); err != nil {
		return err
	}
	if err := k.params.Set(ctx, state.Params); err != nil {
		return err
	}
	if err := k.pool.Set(ctx, state.Pool); err != nil {
		return err
	}
	for _, n := range state.Nullifiers {
		if err := k.nullifiers.Set(ctx, n.Nullifier, n.Height); err != nil {
			return err
		}
	}
	k.accounts.GetModuleAccount(ctx, types.ModuleName) // makes it, if genesis has none
	return k.checkEscrow(ctx)
}

// ExportGenesis is the reverse of InitGenesis.
func (k Keeper) ExportGenesis(ctx context.Context) (state types.GenesisState, err error) {
	if state.Params, err = k.params.Get(ctx); err != nil {
		return state, err
	}
	if state.Pool, err = k.Pool(ctx); err != nil {
		return state, err
	}
	err = k.nullifiers.Walk(ctx, nil, func(nullifier []byte, height uint64) (stop bool, err error) {
		state.Nullifiers = append(state.Nullifiers, types.SpentNullifier{Nullifier: nullifier, Height: height})
		return false, nil
	})
	return state, err
}

// Invariant checks that the module's account has what the unspent notes are
// worth.
func (k Keeper) Invariant(ctx sdk.Context) (message string, broken bool) {
	if err := k.checkEscrow(ctx); err != nil {
		return fmt.Sprintf("%s: escrow: broken: %v", types.ModuleName, err), true
	}
	return types.ModuleName + ": escrow: sound", false
}

func (k Keeper) checkEscrow(ctx context.Context) error {
	params, err := k.params.Get(ctx)
	if err != nil {
		return err
	}
	pool, err := k.Pool(ctx)
	if err != nil {
		return err
	}
	escrow := k.bank.GetBalance(ctx, k.accounts.GetModuleAddress(types.ModuleName), params.Denom)
	if !escrow.Amount.Equal(math.NewIntFromUint64(pool)) {
		return fmt.Errorf("unspent notes are worth %d%s, the account of the module has %s", pool, params.Denom, escrow)
	}
	return nil
}
