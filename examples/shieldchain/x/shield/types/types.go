// Package types has the messages, parameters and names of x/shield.
package types

import (
	"bytes"
	"fmt"

	errorsmod "cosmossdk.io/errors"

	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/msgservice"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
)

const (
	// ModuleName names the module, its account, its store and its error codes.
	ModuleName = "shield"
	// StoreKey is the name of the store with the nullifiers, the pool and the
	// parameters.
	StoreKey = ModuleName
)

// Errors of transactions. Codes are part of the chain's results.
var (
	ErrMalformed     = errorsmod.Register(ModuleName, 2, "malformed bundle")
	ErrTooLarge      = errorsmod.Register(ModuleName, 3, "bundle too large")
	ErrRecipient     = errorsmod.Register(ModuleName, 4, "wrong recipient")
	ErrAnchor        = errorsmod.Register(ModuleName, 5, "unknown anchor")
	ErrNullifier     = errorsmod.Register(ModuleName, 6, "note already spent")
	ErrInvalidBundle = errorsmod.Register(ModuleName, 7, "invalid bundle")
	ErrPool          = errorsmod.Register(ModuleName, 8, "value that the pool cannot give or take")
	ErrInvalidParams = errorsmod.Register(ModuleName, 9, "invalid parameters")
)

// EventBundle is emitted for each bundle. x/commitment's event tells the
// positions of its commitments.
const (
	EventBundle = "shield_bundle"

	AttributeSender    = "sender"
	AttributeRecipient = "recipient"
	// AttributeValue is the value that left the pool, negative if it entered.
	AttributeValue   = "value_balance"
	AttributeActions = "actions"
	AttributeAnchor  = "anchor"
)

// DefaultParams charge 10 gas for a microsecond of the processor, as the SDK does for a
// signature.
func DefaultParams() Params {
	return Params{
		Denom:        sdk.DefaultBondDenom,
		MaxActions:   bundle.MaxActions,
		GasPerBundle: 400_000,
		GasPerAction: 25_000,
	}
}

// mostGas bounds each price, so that no sum of them overflows.
const mostGas = 1 << 32

// Validate returns what is wrong, as ErrInvalidParams.
func (p Params) Validate() error {
	switch {
	case sdk.ValidateDenom(p.Denom) != nil:
		return ErrInvalidParams.Wrapf("denom %q", p.Denom)
	case p.MaxActions == 0 || p.MaxActions > bundle.MaxActions:
		return ErrInvalidParams.Wrapf("max_actions must be 1 to %d", bundle.MaxActions)
	case p.GasPerBundle > mostGas || p.GasPerAction > mostGas:
		return ErrInvalidParams.Wrapf("a price above %d", uint64(mostGas))
	}
	return nil
}

// Gas is the price of verifying a bundle.
func (p Params) Gas(actions int) uint64 {
	return p.GasPerBundle + p.GasPerAction*uint64(actions)
}

// DefaultGenesis is an empty pool under the default parameters.
func DefaultGenesis() GenesisState { return GenesisState{Params: DefaultParams()} }

// Validate checks what needs no store.
func (g GenesisState) Validate() error {
	if err := g.Params.Validate(); err != nil {
		return err
	}
	var last []byte
	for i, n := range g.Nullifiers {
		if _, err := kvshard.NodeFromBytes(n.Nullifier); err != nil {
			return fmt.Errorf("nullifier %d: %w", i, err)
		}
		if bytes.Compare(last, n.Nullifier) >= 0 {
			return fmt.Errorf("nullifier %d, %x, is not above the one before", i, n.Nullifier)
		}
		last = n.Nullifier
	}
	return nil
}

// RegisterInterfaces makes the messages known to the codec.
func RegisterInterfaces(registry codectypes.InterfaceRegistry) {
	registry.RegisterImplementations((*sdk.Msg)(nil), &MsgBundle{}, &MsgUpdateParams{})
	msgservice.RegisterMsgServiceDesc(registry, &_Msg_serviceDesc)
}
