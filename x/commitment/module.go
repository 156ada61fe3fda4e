// Package commitment is a module that keeps Zcash Orchard's note commitment tree.
// Transactions bring commitments, each height that brought some has a root, and
// leaves are proven against the recent roots.
package commitment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	gwruntime "github.com/grpc-ecosystem/grpc-gateway/runtime"
	"github.com/spf13/cobra"

	"cosmossdk.io/core/appmodule"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/telemetry"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"

	"github.com/kvshard/kvshard/x/commitment/client/cli"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// ConsensusVersion is the version of the module's store. Version 1 had no anchors,
// version 2 no records of what each height appended, version 3 no bounds of the queue.
const ConsensusVersion = 4

var (
	_ appmodule.AppModule        = AppModule{}
	_ module.AppModuleBasic      = AppModule{}
	_ module.HasGenesis          = AppModule{}
	_ module.HasServices         = AppModule{}
	_ module.HasConsensusVersion = AppModule{}
	_ appmodule.HasEndBlocker    = AppModule{}
)

// AppModule is the module over a keeper.
type AppModule struct{ keeper keeper.Keeper }

// NewAppModule returns the module over a keeper.
func NewAppModule(k keeper.Keeper) AppModule { return AppModule{k} }

// IsOnePerModuleType and IsAppModule mark the type for the SDK.
func (AppModule) IsOnePerModuleType() {}

// IsAppModule marks the type for the SDK.
func (AppModule) IsAppModule() {}

// Name returns the module's name.
func (AppModule) Name() string { return types.ModuleName }

// RegisterLegacyAminoCodec makes the messages known to amino.
func (AppModule) RegisterLegacyAminoCodec(cdc *codec.LegacyAmino) {
	types.RegisterLegacyAminoCodec(cdc)
}

// RegisterInterfaces makes the messages known.
func (AppModule) RegisterInterfaces(r codectypes.InterfaceRegistry) { types.RegisterInterfaces(r) }

// RegisterGRPCGatewayRoutes serves the queries over REST.
func (AppModule) RegisterGRPCGatewayRoutes(ctx client.Context, mux *gwruntime.ServeMux) {
	if err := types.RegisterQueryHandlerClient(context.Background(), mux, types.NewQueryClient(ctx)); err != nil {
		panic(fmt.Sprintf("x/%s: %v", types.ModuleName, err))
	}
}

// GetTxCmd returns what AutoCLIOptions cannot say.
func (AppModule) GetTxCmd() *cobra.Command { return cli.TxCmd() }

// ConsensusVersion returns the version of the store that this code reads.
func (AppModule) ConsensusVersion() uint64 { return ConsensusVersion }

// RegisterServices registers messages, queries and migrations.
func (m AppModule) RegisterServices(cfg module.Configurator) {
	types.RegisterMsgServer(cfg.MsgServer(), keeper.NewMsgServer(m.keeper))
	if err := keeper.RegisterQueries(cfg.QueryServer(), m.keeper); err != nil {
		panic(fmt.Sprintf("x/%s: %v", types.ModuleName, err))
	}
	migrator := keeper.NewMigrator(m.keeper)
	for from, migrate := range map[uint64]module.MigrationHandler{1: migrator.Migrate1to2, 2: migrator.Migrate2to3, 3: migrator.Migrate3to4} {
		if err := cfg.RegisterMigration(types.ModuleName, from, migrate); err != nil {
			panic(fmt.Sprintf("x/%s: %v", types.ModuleName, err))
		}
	}
}

// RegisterInvariants registers the invariant with a module that runs invariants.
// The SDK no longer has such a module; `shieldd check` runs the invariant on a
// stopped node.
//
//lint:ignore SA1019 chains that still run invariants ask for them in this way
func (m AppModule) RegisterInvariants(registry sdk.InvariantRegistry) {
	registry.RegisterRoute(types.ModuleName, "tree", m.keeper.Invariant)
}

// EndBlock makes the height's checkpoint and anchor.
func (m AppModule) EndBlock(ctx context.Context) error {
	defer telemetry.ModuleMeasureSince(types.ModuleName, telemetry.Now(), telemetry.MetricKeyEndBlocker)
	return m.keeper.EndBlock(ctx)
}

// DefaultGenesis is an empty tree under the default parameters.
func (AppModule) DefaultGenesis(cdc codec.JSONCodec) json.RawMessage {
	return cdc.MustMarshalJSON(types.DefaultGenesisState())
}

// ValidateGenesis checks what needs no store, and names the field that is at fault.
func (AppModule) ValidateGenesis(cdc codec.JSONCodec, _ client.TxEncodingConfig, data json.RawMessage) error {
	_, err := readGenesis(cdc, data)
	return err
}

// InitGenesis starts the chain's tree. Like all modules of the SDK, it panics if
// genesis is unsound, which stops the node.
func (m AppModule) InitGenesis(ctx sdk.Context, cdc codec.JSONCodec, data json.RawMessage) {
	state, err := readGenesis(cdc, data)
	if err == nil {
		err = m.keeper.InitGenesis(ctx, state)
	}
	if err != nil {
		panic(fmt.Sprintf("x/%s: genesis: %v", types.ModuleName, err))
	}
}

// ExportGenesis returns the parameters and the tree. The records are in a file if
// the keeper has a directory for it.
func (m AppModule) ExportGenesis(ctx sdk.Context, cdc codec.JSONCodec) json.RawMessage {
	state, err := m.keeper.ExportGenesis(ctx)
	if err != nil {
		panic(fmt.Sprintf("x/%s: export: %v", types.ModuleName, err))
	}
	return cdc.MustMarshalJSON(state)
}

func readGenesis(cdc codec.JSONCodec, data json.RawMessage) (state types.GenesisState, err error) {
	// The codec reads the first value and leaves the rest.
	if !json.Valid(data) {
		return state, errors.New("it is no JSON, or something stands behind its end")
	}
	if err := cdc.UnmarshalJSON(data, &state); err != nil {
		return state, err
	}
	return state, state.Validate()
}
