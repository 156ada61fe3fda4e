package main

import (
	runtimev1alpha1 "cosmossdk.io/api/cosmos/app/runtime/v1alpha1"
	appv1alpha1 "cosmossdk.io/api/cosmos/app/v1alpha1"
	authmodulev1 "cosmossdk.io/api/cosmos/auth/module/v1"
	bankmodulev1 "cosmossdk.io/api/cosmos/bank/module/v1"
	consensusmodulev1 "cosmossdk.io/api/cosmos/consensus/module/v1"
	genutilmodulev1 "cosmossdk.io/api/cosmos/genutil/module/v1"
	stakingmodulev1 "cosmossdk.io/api/cosmos/staking/module/v1"
	txconfigv1 "cosmossdk.io/api/cosmos/tx/config/v1"
	"cosmossdk.io/depinject"
	"cosmossdk.io/depinject/appconfig"
	"cosmossdk.io/log/v2"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/gogoproto/proto"

	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/server"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/x/genutil"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	// The SDK's modules register themselves.
	_ "github.com/cosmos/cosmos-sdk/x/auth"
	_ "github.com/cosmos/cosmos-sdk/x/auth/tx/config"
	_ "github.com/cosmos/cosmos-sdk/x/bank"
	_ "github.com/cosmos/cosmos-sdk/x/consensus"
	_ "github.com/cosmos/cosmos-sdk/x/staking"

	"github.com/kvshard/kvshard/x/commitment"
)

// modules are what the chain is made of, in the order of their genesis and their end
// blockers: x/commitment is behind all that append.
var modules = []*appv1alpha1.ModuleConfig{
	configure("auth", &authmodulev1.Module{
		Bech32Prefix: "cosmos",
		ModuleAccountPermissions: []*authmodulev1.ModuleAccountPermission{
			{Account: "fee_collector"},
			{Account: "bonded_tokens_pool", Permissions: []string{"burner", "staking"}},
			{Account: "not_bonded_tokens_pool", Permissions: []string{"burner", "staking"}},
			{Account: "key_rotation_fee_pool", Permissions: []string{"burner"}},
		},
	}),
	configure("bank", &bankmodulev1.Module{}),
	configure("staking", &stakingmodulev1.Module{}),
	configure("commitment", &commitment.ModuleConfig{}),
	configure("consensus", &consensusmodulev1.Module{}),
	configure("genutil", &genutilmodulev1.Module{}),
}

func configure(name string, config proto.Message) *appv1alpha1.ModuleConfig {
	return &appv1alpha1.ModuleConfig{Name: name, Config: appconfig.WrapAny(config)}
}

// appConfig puts the modules together.
func appConfig() depinject.Config {
	var names []string
	for _, m := range modules {
		names = append(names, m.Name)
	}
	genesis := map[string]module.AppModuleBasic{"genutil": genutil.NewAppModuleBasic(genutiltypes.DefaultMessageValidator)}
	return depinject.Configs(depinject.Supply(genesis), appconfig.Compose(&appv1alpha1.Config{Modules: append(modules,
		configure("runtime", &runtimev1alpha1.Module{AppName: "minimal", BeginBlockers: names, EndBlockers: names, InitGenesis: names}),
		configure("tx", &txconfigv1.Config{}),
	)}))
}

// newApp makes the application over a database.
func newApp(logger log.Logger, db dbm.DB, options servertypes.AppOptions) servertypes.Application {
	var builder *runtime.AppBuilder
	if err := depinject.Inject(depinject.Configs(appConfig(), depinject.Supply(logger)), &builder); err != nil {
		panic(err)
	}
	app := builder.Build(db, server.DefaultBaseappOptions(options)...)
	if err := app.Load(true); err != nil {
		panic(err)
	}
	return app
}
