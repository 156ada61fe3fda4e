package commitment

import (
	"github.com/cosmos/cosmos-sdk/testutil/simsx"
	"github.com/cosmos/cosmos-sdk/types/module"
	simtypes "github.com/cosmos/cosmos-sdk/types/simulation"

	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/simulation"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// What the SDK's simulations ask of the module. README.md says what an application does
// for them.
var (
	_ module.AppModuleSimulation   = AppModule{}
	_ simsx.HasWeightedOperationsX = AppModule{}
	_ simsx.HasProposalMsgsX       = AppModule{}
)

// GenerateGenesisState makes a random genesis of a chain that begins at height 1.
func (AppModule) GenerateGenesisState(state *module.SimulationState) {
	simulation.RandomizedGenState(state)
}

// RegisterStoreDecoder registers what says of a record of the module what it is.
func (AppModule) RegisterStoreDecoder(registry simtypes.StoreDecoderRegistry) {
	registry[types.StoreKey] = simulation.DecodeStore
}

// WeightedOperations returns none: the simulations ask for WeightedOperationsX instead.
func (AppModule) WeightedOperations(module.SimulationState) []simtypes.WeightedOperation { return nil }

// WeightedOperationsX registers messages that append, and such as must be refused.
func (m AppModule) WeightedOperationsX(weights simsx.WeightSource, registry simsx.Registry) {
	chain := keeper.NewQueryServer(m.keeper)
	registry.Add(weights.Get("msg_append", 100), simulation.MsgAppendFactory(chain))
	registry.Add(weights.Get("msg_append_refused", 20), simulation.MsgAppendRefusedFactory(chain))
}

// ProposalMsgsX registers the message that governance changes the parameters with.
func (AppModule) ProposalMsgsX(weights simsx.WeightSource, registry simsx.Registry) {
	registry.Add(weights.Get("msg_update_params", 100), simulation.MsgUpdateParamsFactory())
}
