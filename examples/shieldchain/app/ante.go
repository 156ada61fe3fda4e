package app

import (
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/x/auth/ante"

	shieldante "github.com/kvshard/kvshard/examples/shieldchain/x/shield/ante"
)

// anteHandler is the SDK's (ante.NewAnteHandler), and behind it, once the fee is
// taken and the signatures are checked, the bundles.
func (a *App) anteHandler() sdk.AnteHandler {
	return sdk.ChainAnteDecorators(
		ante.NewSetUpContextDecorator(),
		ante.NewExtensionOptionsDecorator(nil),
		ante.NewValidateBasicDecorator(),
		ante.NewTxTimeoutHeightDecorator(),
		ante.NewValidateMemoDecorator(a.Accounts),
		ante.NewConsumeGasForTxSizeDecorator(a.Accounts),
		ante.NewDeductFeeDecorator(a.Accounts, a.Bank, nil, nil),
		ante.NewSetPubKeyDecorator(a.Accounts),
		ante.NewValidateSigCountDecorator(a.Accounts),
		ante.NewSigGasConsumeDecorator(a.Accounts, ante.DefaultSigVerificationGasConsumer),
		ante.NewSigVerificationDecorator(a.Accounts, a.txConfig.SignModeHandler()),
		ante.NewIncrementSequenceDecorator(a.Accounts),
		shieldante.NewDecorator(a.Shield),
	)
}
