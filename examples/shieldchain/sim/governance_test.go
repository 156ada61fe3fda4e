package sim

import (
	"context"
	"fmt"

	"github.com/cosmos/cosmos-sdk/testutil/simsx"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	simtypes "github.com/cosmos/cosmos-sdk/types/simulation"
	authkeeper "github.com/cosmos/cosmos-sdk/x/auth/keeper"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	govv1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1"

	"github.com/kvshard/kvshard/examples/shieldchain/app"
)

// governance stands for x/gov, which shieldchain does not have: in EndBlock, before the
// modules, it executes the proposals that the block made, as x/gov does those that have
// passed. The summary of a run counts them as x/gov's.
type governance struct {
	app    *app.App
	passed []sdk.Msg
}

var _ simsx.HasWeightedOperationsXWithProposals = (*governance)(nil)

func (*governance) GenerateGenesisState(*module.SimulationState) {}

func (*governance) RegisterStoreDecoder(simtypes.StoreDecoderRegistry) {}

func (*governance) WeightedOperations(module.SimulationState) []simtypes.WeightedOperation {
	return nil
}

// WeightedOperationsX registers the proposals. They are a tenth as frequent as messages.
//
//lint:ignore SA1019 the SDK's interface still has the older proposals
func (g *governance) WeightedOperationsX(_ simsx.WeightSource, registry simsx.Registry, proposals simsx.WeightedProposalMsgIter, _ []simtypes.WeightedProposalContent) {
	for weight, create := range proposals {
		registry.Add((weight+9)/10, g.propose(create))
	}
}

func (g *governance) propose(create simsx.FactoryMethod) simsx.SimMsgFactoryX {
	return simsx.SimMsgFactoryFn[*govv1.MsgSubmitProposal](func(ctx context.Context, data *simsx.ChainDataSource, reporter simsx.SimulationReporter) ([]simsx.SimAccount, *govv1.MsgSubmitProposal) {
		if _, msg := create(ctx, data, reporter); !reporter.IsSkipped() {
			// The simulation's own transactions have memos of up to 100 characters.
			if update, ok := msg.(*authtypes.MsgUpdateParams); ok {
				update.Params.MaxMemoCharacters = max(update.Params.MaxMemoCharacters, 100)
			}
			g.passed = append(g.passed, msg)
			reporter.Success(msg)
		}
		return nil, nil
	})
}

func (g *governance) endBlock(ctx sdk.Context) error {
	passed := g.passed
	g.passed = nil
	for _, msg := range passed {
		if _, err := g.app.MsgServiceRouter().Handler(msg)(ctx, msg); err != nil {
			return fmt.Errorf("proposal %s: %w", sdk.MsgTypeURL(msg), err)
		}
	}
	return nil
}

// accounts know the account that governance has, app.Authority.
type accounts struct{ authkeeper.AccountKeeper }

func (a accounts) GetModuleAddress(name string) sdk.AccAddress {
	if name == govtypes.ModuleName {
		return authtypes.NewModuleAddress(name)
	}
	return a.AccountKeeper.GetModuleAddress(name)
}
