package testutil

import (
	"github.com/cometbft/cometbft/crypto"
	"github.com/cosmos/gogoproto/proto"

	runtimev1alpha1 "cosmossdk.io/api/cosmos/app/runtime/v1alpha1"
	appv1alpha1 "cosmossdk.io/api/cosmos/app/v1alpha1"
	authmodulev1 "cosmossdk.io/api/cosmos/auth/module/v1"
	bankmodulev1 "cosmossdk.io/api/cosmos/bank/module/v1"
	consensusmodulev1 "cosmossdk.io/api/cosmos/consensus/module/v1"
	stakingmodulev1 "cosmossdk.io/api/cosmos/staking/module/v1"
	txconfigv1 "cosmossdk.io/api/cosmos/tx/config/v1"
	"cosmossdk.io/depinject"
	"cosmossdk.io/depinject/appconfig"

	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"

	// The SDK's modules register themselves.
	_ "github.com/cosmos/cosmos-sdk/x/auth"
	_ "github.com/cosmos/cosmos-sdk/x/auth/tx/config"
	_ "github.com/cosmos/cosmos-sdk/x/bank"
	_ "github.com/cosmos/cosmos-sdk/x/consensus"
	_ "github.com/cosmos/cosmos-sdk/x/staking"

	"github.com/kvshard/kvshard/x/commitment"
)

// AppConfig is an application with the modules that a chain cannot do without, and
// x/commitment.
func AppConfig() depinject.Config {
	modules := []*appv1alpha1.ModuleConfig{
		module("auth", &authmodulev1.Module{
			Bech32Prefix: "cosmos",
			ModuleAccountPermissions: []*authmodulev1.ModuleAccountPermission{
				{Account: "fee_collector"},
				{Account: "bonded_tokens_pool", Permissions: []string{"burner", "staking"}},
				{Account: "not_bonded_tokens_pool", Permissions: []string{"burner", "staking"}},
				{Account: "key_rotation_fee_pool", Permissions: []string{"burner"}},
			},
		}),
		module("bank", &bankmodulev1.Module{}),
		module("staking", &stakingmodulev1.Module{}),
		module("commitment", &commitment.ModuleConfig{}),
		module("consensus", &consensusmodulev1.Module{}),
	}
	var names []string
	for _, m := range modules {
		names = append(names, m.Name)
	}
	return appconfig.Compose(&appv1alpha1.Config{Modules: append(modules,
		module("runtime", &runtimev1alpha1.Module{AppName: "commitment-test", BeginBlockers: names, EndBlockers: names, InitGenesis: names}),
		module("tx", &txconfigv1.Config{}),
	)})
}

func module(name string, config proto.Message) *appv1alpha1.ModuleConfig {
	return &appv1alpha1.ModuleConfig{Name: name, Config: appconfig.WrapAny(config)}
}

func cmtKey() (crypto.PubKey, error) { return cryptocodec.ToCmtPubKeyInterface(validator) }
