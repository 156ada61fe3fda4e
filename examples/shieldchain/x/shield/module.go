// Package shield is a module that moves coins in and out of a pool of Zcash
// Orchard's notes, and lets the notes' owners pay each other within it. It is an
// example and has not been audited.
package shield

import (
	"encoding/json"
	"fmt"

	gwruntime "github.com/grpc-ecosystem/grpc-gateway/runtime"
	"github.com/spf13/cobra"

	"cosmossdk.io/core/appmodule"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"

	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/client/cli"
	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/keeper"
	"github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
)

// ConsensusVersion is the version of the module's store.
const ConsensusVersion = 1

var (
	_ appmodule.AppModule        = AppModule{}
	_ module.AppModuleBasic      = AppModule{}
	_ module.HasGenesis          = AppModule{}
	_ module.HasServices         = AppModule{}
	_ module.HasConsensusVersion = AppModule{}
)

// AppModule is the module over a keeper.
type AppModule struct{ keeper keeper.Keeper }

// NewAppModule returns the module over a keeper.
func NewAppModule(k keeper.Keeper) AppModule { return AppModule{k} }

// IsOnePerModuleType marks the type for the SDK.
func (AppModule) IsOnePerModuleType() {}

// IsAppModule marks the type for the SDK.
func (AppModule) IsAppModule() {}

// Name returns the module's name.
func (AppModule) Name() string { return types.ModuleName }

// RegisterLegacyAminoCodec does nothing: there is no amino.
func (AppModule) RegisterLegacyAminoCodec(*codec.LegacyAmino) {}

// RegisterInterfaces makes the messages known.
func (AppModule) RegisterInterfaces(r codectypes.InterfaceRegistry) { types.RegisterInterfaces(r) }

// RegisterGRPCGatewayRoutes does nothing: queries go over gRPC and the RPC.
func (AppModule) RegisterGRPCGatewayRoutes(client.Context, *gwruntime.ServeMux) {}

// GetTxCmd returns the commands that send messages.
func (AppModule) GetTxCmd() *cobra.Command { return cli.TxCmd() }

// GetQueryCmd returns the commands that query.
func (AppModule) GetQueryCmd() *cobra.Command { return cli.QueryCmd() }

// ConsensusVersion returns the version of the store that this code reads.
func (AppModule) ConsensusVersion() uint64 { return ConsensusVersion }

// RegisterServices registers messages and queries.
func (m AppModule) RegisterServices(cfg module.Configurator) {
	types.RegisterMsgServer(cfg.MsgServer(), keeper.NewMsgServer(m.keeper))
	types.RegisterQueryServer(cfg.QueryServer(), keeper.NewQueryServer(m.keeper))
}

// RegisterInvariants registers the invariant with a module that runs invariants.
// The SDK no longer has such a module; `shieldd check` runs the invariant on a
// stopped node.
//
//lint:ignore SA1019 chains that still run invariants ask for them in this way
func (m AppModule) RegisterInvariants(registry sdk.InvariantRegistry) {
	registry.RegisterRoute(types.ModuleName, "escrow", m.keeper.Invariant)
}

// DefaultGenesis is an empty pool under the default parameters.
func (AppModule) DefaultGenesis(cdc codec.JSONCodec) json.RawMessage {
	state := types.DefaultGenesis()
	return cdc.MustMarshalJSON(&state)
}

// ValidateGenesis checks what needs no store.
func (AppModule) ValidateGenesis(cdc codec.JSONCodec, _ client.TxEncodingConfig, data json.RawMessage) error {
	var state types.GenesisState
	if err := cdc.UnmarshalJSON(data, &state); err != nil {
		return err
	}
	return state.Validate()
}

// InitGenesis starts the pool. Like all modules of the SDK, it panics if genesis
// is unsound, which stops the node.
func (m AppModule) InitGenesis(ctx sdk.Context, cdc codec.JSONCodec, data json.RawMessage) {
	var state types.GenesisState
	err := cdc.UnmarshalJSON(data, &state)
	if err == nil {
		err = m.keeper.InitGenesis(ctx, state)
	}
	if err != nil {
		panic(fmt.Sprintf("x/%s: genesis: %v", types.ModuleName, err))
	}
}

// ExportGenesis returns parameters, pool and nullifiers.
func (m AppModule) ExportGenesis(ctx sdk.Context, cdc codec.JSONCodec) json.RawMessage {
	state, err := m.keeper.ExportGenesis(ctx)
	if err != nil {
		panic(fmt.Sprintf("x/%s: export: %v", types.ModuleName, err))
	}
	return cdc.MustMarshalJSON(&state)
}
