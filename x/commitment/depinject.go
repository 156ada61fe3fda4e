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

// An application that depinject puts together needs an import of this package and, in
// its configuration, a modulev1.Module.

func init() {
	appmodule.Register(&modulev1.Module{}, appmodule.Provide(ProvideModule))
}

// ModuleInputs are what the module needs of an application.
type ModuleInputs struct {
	depinject.In

	Config           *modulev1.Module
	Codec            codec.BinaryCodec
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
