package compat

import (
	"slices"

	appv1 "cosmossdk.io/api/cosmos/app/v1alpha1"
	crisisv1 "cosmossdk.io/api/cosmos/crisis/module/v1"
	"cosmossdk.io/core/appconfig"
	"cosmossdk.io/depinject"
	"cosmossdk.io/log"
	storetypes "cosmossdk.io/store/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/testutil/configurator"
	sdk "github.com/cosmos/cosmos-sdk/types"

	// The modules register themselves.
	_ "github.com/cosmos/cosmos-sdk/x/auth"
	_ "github.com/cosmos/cosmos-sdk/x/auth/tx/config"
	_ "github.com/cosmos/cosmos-sdk/x/bank"
	_ "github.com/cosmos/cosmos-sdk/x/consensus"
	_ "github.com/cosmos/cosmos-sdk/x/crisis"
	_ "github.com/cosmos/cosmos-sdk/x/group/module"
	_ "github.com/cosmos/cosmos-sdk/x/staking"

	"github.com/kvshard/kvshard"
)

// ChainID of the application.
const ChainID = "compat-1"

// An App is a baseapp over IAVL stores, with some of the SDK's modules, and a tree
// in a store of its own.
type App struct {
	*runtime.App
	Keeper Keeper

	codec   codec.Codec
	pending []kvshard.Node
}

// Start opens the application over a database, which may be one that an earlier
// Start used.
func Start(db dbm.DB) (*App, error) {
	var app App
	var builder *runtime.AppBuilder
	modules := configurator.NewAppConfig(
		configurator.AuthModule(),
		configurator.BankModule(),
		configurator.StakingModule(),
		configurator.TxModule(),
		configurator.ConsensusModule(),
		configurator.GroupModule(),
		crisis,
	)
	config := depinject.Configs(modules, depinject.Supply(log.NewNopLogger()))
	if err := depinject.Inject(config, &builder, &app.codec); err != nil {
		return nil, err
	}
	app.App = builder.Build(db, nil, baseapp.SetChainID(ChainID))
	key := storetypes.NewKVStoreKey("commitment")
	app.Keeper = Keeper{storeService: runtime.NewKVStoreService(key)}
	if err := app.RegisterStores(key); err != nil {
		return nil, err
	}
	if err := app.Load(false); err != nil {
		return nil, err
	}
	app.SetEndBlocker(app.endBlock) // Load has set the EndBlocker of the modules
	return &app, app.LoadLatestVersion()
}

// crisis adds x/crisis, which only SDK 0.50 has in testutil/configurator.
func crisis(config *configurator.Config) {
	const name = "crisis"
	config.ModuleConfigs[name] = &appv1.ModuleConfig{Name: name, Config: appconfig.WrapAny(&crisisv1.Module{})}
	for _, order := range []*[]string{&config.EndBlockersOrder, &config.InitGenesisOrder} {
		if !slices.Contains(*order, name) {
			*order = append(*order, name)
		}
	}
}

// Queue sets the leaves that the end of the next block appends.
func (a *App) Queue(leaves []kvshard.Node) { a.pending = leaves }

func (a *App) endBlock(ctx sdk.Context) (sdk.EndBlock, error) {
	end, err := a.EndBlocker(ctx)
	if err != nil {
		return end, err
	}
	return end, a.Keeper.EndBlock(ctx, a.pending, uint32(ctx.BlockHeight()))
}
