package types

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	commitmenttypes "github.com/kvshard/kvshard/x/commitment/types"
)

// A CommitmentKeeper keeps the tree of all notes.
type CommitmentKeeper interface {
	FindAnchor(ctx context.Context, root kvshard.Node) (commitmenttypes.Anchor, error)
	Append(ctx context.Context, origin string, commitments [][]byte) (first uint64, queued bool, err error)
}

// An AccountKeeper keeps the module's account.
type AccountKeeper interface {
	GetModuleAddress(module string) sdk.AccAddress
	GetModuleAccount(ctx context.Context, module string) sdk.ModuleAccountI
}

// A BankKeeper moves the coins.
type BankKeeper interface {
	BlockedAddr(addr sdk.AccAddress) bool
	GetBalance(ctx context.Context, addr sdk.AccAddress, denom string) sdk.Coin
	SpendableCoin(ctx context.Context, addr sdk.AccAddress, denom string) sdk.Coin
	SendCoinsFromAccountToModule(ctx context.Context, sender sdk.AccAddress, module string, amount sdk.Coins) error
	SendCoinsFromModuleToAccount(ctx context.Context, module string, recipient sdk.AccAddress, amount sdk.Coins) error
}
