package commitment

import (
	"cosmossdk.io/core/address"
	"cosmossdk.io/core/appmodule"
	"cosmossdk.io/core/store"
	"cosmossdk.io/depinject"

	"github.com/cosmos/cosmos-sdk/codec"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/kvshard/kvshard/x/commitment/keeper"
	modulev1 "github.com/kvshard/kvshard/x/commitment/module/v1"
)

// ModuleConfig is the module's configuration in an application that depinject puts
// together. The application needs an import of this package, and one of these in its
// configuration.
type ModuleConfig = modulev1.Module

func init() {
	appmodule.Register(&ModuleConfig{}, appmodule.Provide(ProvideModule))
}

// ModuleInputs are what the module needs of an application.
type ModuleInputs struct {
	depinject.In

	Config           *ModuleConfig
	Codec            codec.Codec
	StoreService     store.KVStoreService
	TransientService store.TransientStoreService
	AddressCodec     address.Codec
	// Options of the keeper: supply them for a genesis directory or switched-off queries.
	Options []keeper.Option `optional:"true"`
}

// ModuleOutputs are what the module brings.
type ModuleOutputs struct {
	depinject.Out

	Keeper keeper.Keeper
	Module appmodule.AppModule
}

// ProvideModule makes the keeper and the module.
func ProvideModule(in ModuleInputs) ModuleOutputs {
	authority := authtypes.NewModuleAddress("gov")
	if in.Config.Authority != "" {
		authority = authtypes.NewModuleAddressOrBech32Address(in.Config.Authority)
	}
	k := keeper.NewKeeper(in.Codec, in.StoreService, in.TransientService, in.AddressCodec, authority.String(), in.Options...)
	return ModuleOutputs{Keeper: k, Module: NewAppModule(k)}
}
