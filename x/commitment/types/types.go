// Package types has the messages, parameters and names of x/commitment.
package types

import (
	"fmt"

	errorsmod "cosmossdk.io/errors"

	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/legacy"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/msgservice"
)

const (
	// ModuleName names the module and its store.
	ModuleName = "commitment"
	// Codespace names the module's errors. It is not the module's name: ibc-go has errors of
	// its own under that one, and a program in which two have one name and code does not start.
	Codespace = "kvshard_commitment"
	// StoreKey is the name of the store with the tree, the anchors and the
	// parameters.
	StoreKey = ModuleName
	// TransientStoreKey is the name of the store that holds a block's queue.
	TransientStoreKey = "transient_" + ModuleName
)

const (
	// SubtreeLevel is the level of the subtrees that Zcash's wallets start from: one
	// has 65,536 leaves.
	SubtreeLevel = 16
	// MaxPage is the number of items that one query answers with at most.
	MaxPage = 4096
)

// Errors of transactions. Codes are part of the chain's results.
var (
	ErrInvalidCommitment = errorsmod.Register(Codespace, 2, "invalid commitment")
	ErrTooMany           = errorsmod.Register(Codespace, 3, "number of commitments not allowed")
	ErrInvalidParams     = errorsmod.Register(Codespace, 4, "invalid parameters")
	ErrTreeFull          = errorsmod.Register(Codespace, 5, "tree is full")
	ErrQueueFull         = errorsmod.Register(Codespace, 6, "queue is full")
)

// DefaultParams keeps 100 anchors, as zcashd's wallets do. A hash takes some
// microseconds and costs 50 gas, since a signature costs 10 gas a microsecond. A
// queued commitment costs what a leaf costs in a batch of 10 that is appended in
// the transaction. EndBlock appends as many from the queue as take it half a second, and
// eight blocks' worth may wait.
func DefaultParams() Params {
	return Params{
		MaxAnchors:        100,
		MaxCommitments:    1000,
		GasPerHash:        50,
		AppendMode:        Direct,
		GasPerQueued:      4000,
		MaxQueuedPerBlock: 16_384,
		MaxWaiting:        131_072,
	}
}

// Validate returns what is wrong, as ErrInvalidParams.
func (p Params) Validate() error {
	switch {
	case p.MaxAnchors == 0:
		return ErrInvalidParams.Wrap("max_anchors must be at least 1")
	case p.MaxCommitments == 0:
		return ErrInvalidParams.Wrap("max_commitments must be at least 1")
	case p.AppendMode != Direct && p.AppendMode != Queue && p.AppendMode != Drain:
		return ErrInvalidParams.Wrapf("unknown append_mode %d", p.AppendMode)
	case p.MaxQueuedPerBlock < p.MaxCommitments:
		return ErrInvalidParams.Wrapf("max_queued_per_block is %d: it must be at least max_commitments, %d", p.MaxQueuedPerBlock, p.MaxCommitments)
	case p.MaxWaiting == 0:
		return ErrInvalidParams.Wrap("max_waiting must be at least 1")
	case p.GasPerHash > 1<<32 || p.GasPerQueued > 1<<32:
		return ErrInvalidParams.Wrap(fmt.Sprintf("a price above %d", uint64(1)<<32))
	}
	return nil
}

// RegisterLegacyAminoCodec makes the messages known to amino, which hardware wallets
// sign.
func RegisterLegacyAminoCodec(cdc *codec.LegacyAmino) {
	legacy.RegisterAminoMsg(cdc, &MsgAppend{}, "kvshard/commitment/MsgAppend")
	legacy.RegisterAminoMsg(cdc, &MsgUpdateParams{}, "kvshard/commitment/MsgUpdateParams")
	cdc.RegisterConcrete(&Params{}, "kvshard/commitment/Params", nil)
}

// RegisterInterfaces makes the messages known to the codec.
func RegisterInterfaces(registry codectypes.InterfaceRegistry) {
	registry.RegisterImplementations((*sdk.Msg)(nil), &MsgAppend{}, &MsgUpdateParams{})
	msgservice.RegisterMsgServiceDesc(registry, &_Msg_serviceDesc)
}
