package keeper

import (
	"context"
	"errors"
	"fmt"
	"math"

	"cosmossdk.io/collections"
	sdkmath "cosmossdk.io/math"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
)

// A checked is a message whose bundle may stand, as far as that shows without
// verifying it.
type checked struct {
	msg               *types.MsgBundle
	params            types.Params
	bundle            *bundle.Bundle
	sender, recipient sdk.AccAddress
}

// Verify does all that can refuse a message, cheap checks first, and changes
// nothing: sizes and names, the state, the price, the proof and the signatures.
// The price is the same whether the result is remembered or not. A simulation
// pays it and verifies nothing: it costs whoever asks for it no fee.
func (k Keeper) Verify(ctx context.Context, msg *types.MsgBundle) error {
	_, err := k.check(ctx, msg)
	return err
}

func (k Keeper) check(ctx context.Context, msg *types.MsgBundle) (checked, error) {
	c, err := k.parse(ctx, msg)
	if err != nil {
		return c, err
	}
	if err := k.checkState(ctx, c); err != nil {
		return c, err
	}
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	sdkCtx.GasMeter().ConsumeGas(c.params.Gas(len(c.bundle.Actions)), "bundle verification")
	switch sdkCtx.ExecMode() {
	case sdk.ExecModeSimulate:
		return c, nil
	case sdk.ExecModeReCheck:
		// CheckTx verified it, and no state changes the result.
		return c, nil
	}
	err = k.verifier.Verify(msg.Bundle, bundle.Bound(sdkCtx.ChainID(), msg.Sender, msg.Recipient))
	if errors.Is(err, bundle.ErrInvalid) {
		return c, types.ErrInvalidBundle.Wrapf("proof or signature, for chain %q, sender %s and recipient %q", sdkCtx.ChainID(), msg.Sender, msg.Recipient)
	}
	return c, err
}

// parse reads the message: sizes, encoding, names.
func (k Keeper) parse(ctx context.Context, msg *types.MsgBundle) (checked, error) {
	c := checked{msg: msg}
	var err error
	if c.sender, err = k.addressCodec.StringToBytes(msg.Sender); err != nil {
		return c, sdkerrors.ErrInvalidAddress.Wrapf("sender: %v", err)
	}
	if len(msg.Bundle) > bundle.MaxBytes {
		return c, types.ErrTooLarge.Wrapf("%d bytes, allowed are %d", len(msg.Bundle), bundle.MaxBytes)
	}
	if c.bundle, err = bundle.Parse(msg.Bundle); err != nil {
		return c, types.ErrMalformed.Wrap(err.Error())
	}
	if c.params, err = k.params.Get(ctx); err != nil {
		return c, err
	}
	if uint64(len(c.bundle.Actions)) > uint64(c.params.MaxActions) {
		return c, types.ErrTooLarge.Wrapf("%d actions, allowed are %d", len(c.bundle.Actions), c.params.MaxActions)
	}
	c.recipient, err = k.parseRecipient(msg.Recipient, c.bundle.ValueBalance)
	return c, err
}

// parseRecipient returns the account that value leaves to, nil if none leaves.
func (k Keeper) parseRecipient(recipient string, leaving int64) (sdk.AccAddress, error) {
	switch {
	case leaving <= 0 && recipient != "":
		return nil, types.ErrRecipient.Wrapf("no value leaves the pool, and %s is named", recipient)
	case leaving <= 0:
		return nil, nil
	case recipient == "":
		return nil, types.ErrRecipient.Wrapf("%d leave the pool, and no recipient is named", leaving)
	}
	address, err := k.addressCodec.StringToBytes(recipient)
	if err != nil {
		return nil, types.ErrRecipient.Wrap(err.Error())
	}
	if k.bank.BlockedAddr(address) {
		return nil, types.ErrRecipient.Wrapf("%s may not receive coins", recipient)
	}
	return address, nil
}

// checkState compares a bundle with the chain.
func (k Keeper) checkState(ctx context.Context, c checked) error {
	if err := k.checkAnchor(ctx, c.bundle); err != nil {
		return err
	}
	if err := k.checkNullifiers(ctx, c.bundle.Actions); err != nil {
		return err
	}
	pool, err := k.Pool(ctx)
	if err != nil {
		return err
	}
	switch value := c.bundle.ValueBalance; {
	case value > 0 && uint64(value) > pool:
		return types.ErrPool.Wrapf("%d are to leave, it has %d", value, pool)
	case value < 0 && pool > math.MaxUint64-uint64(-value):
		return types.ErrPool.Wrapf("it has %d, and %d more are too many to count", pool, -value)
	case value < 0:
		need := k.coin(c.params, -value)
		if has := k.bank.SpendableCoin(ctx, c.sender, c.params.Denom); has.IsLT(need) {
			return sdkerrors.ErrInsufficientFunds.Wrapf("%s are to enter the pool, the sender has %s", need, has)
		}
	}
	return nil
}

// checkAnchor finds the anchor among those of the tree. The root of the empty
// tree is one of them, but there is no note below it to spend.
func (k Keeper) checkAnchor(ctx context.Context, b *bundle.Bundle) error {
	root := kvshard.Node(b.Anchor)
	anchor, err := k.commitment.FindAnchor(ctx, root)
	switch {
	case errors.Is(err, collections.ErrNotFound):
		return types.ErrAnchor.Wrapf("%s: it was never one, or is too old", root)
	case err != nil:
		return err
	case anchor.Size_ == 0 && b.SpendsEnabled:
		return types.ErrAnchor.Wrap("the tree without notes, and spends are enabled")
	}
	return nil
}

func (k Keeper) checkNullifiers(ctx context.Context, actions []bundle.Action) error {
	seen := make(map[[32]byte]bool, len(actions))
	for i, a := range actions {
		if seen[a.Nullifier] {
			return types.ErrNullifier.Wrapf("%x, twice in the bundle", a.Nullifier)
		}
		seen[a.Nullifier] = true
		height, spent, err := k.Spent(ctx, actions[i].Nullifier[:])
		if err != nil {
			return err
		}
		if spent {
			return types.ErrNullifier.Wrapf("%x, at height %d", a.Nullifier, height)
		}
	}
	return nil
}

// Accept verifies a message and applies it. It relies on nothing that was
// verified before: a message that comes inside another one has seen no ante
// handler.
func (k Keeper) Accept(ctx context.Context, msg *types.MsgBundle) (first uint64, queued bool, err error) {
	c, err := k.check(ctx, msg)
	if err != nil {
		return 0, false, err
	}
	if err := k.moveValue(ctx, c); err != nil {
		return 0, false, err
	}
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	commitments := make([][]byte, len(c.bundle.Actions))
	for i := range c.bundle.Actions {
		action := &c.bundle.Actions[i]
		if err := k.nullifiers.Set(ctx, action.Nullifier[:], uint64(sdkCtx.BlockHeight())); err != nil {
			return 0, false, err
		}
		commitments[i] = action.Commitment[:]
	}
	if first, queued, err = k.commitment.Append(ctx, msg.Sender, commitments); err != nil {
		return 0, false, err
	}
	sdkCtx.EventManager().EmitEvent(sdk.NewEvent(types.EventBundle,
		sdk.NewAttribute(types.AttributeSender, msg.Sender),
		sdk.NewAttribute(types.AttributeRecipient, msg.Recipient),
		sdk.NewAttribute(types.AttributeValue, fmt.Sprint(c.bundle.ValueBalance)),
		sdk.NewAttribute(types.AttributeActions, fmt.Sprint(len(commitments))),
		sdk.NewAttribute(types.AttributeAnchor, kvshard.Node(c.bundle.Anchor).String()),
	))
	return first, queued, nil
}

// moveValue moves the coins between the pool and an account.
func (k Keeper) moveValue(ctx context.Context, c checked) error {
	value := c.bundle.ValueBalance
	if value == 0 {
		return nil
	}
	pool, err := k.Pool(ctx)
	if err != nil {
		return err
	}
	if value < 0 {
		if err := k.pool.Set(ctx, pool+uint64(-value)); err != nil {
			return err
		}
		return k.bank.SendCoinsFromAccountToModule(ctx, c.sender, types.ModuleName, sdk.NewCoins(k.coin(c.params, -value)))
	}
	// checkState compared the two: nothing comes between.
	if err := k.pool.Set(ctx, pool-uint64(value)); err != nil {
		return err
	}
	return k.bank.SendCoinsFromModuleToAccount(ctx, types.ModuleName, c.recipient, sdk.NewCoins(k.coin(c.params, value)))
}

func (k Keeper) coin(params types.Params, amount int64) sdk.Coin {
	return sdk.NewCoin(params.Denom, sdkmath.NewInt(amount))
}
