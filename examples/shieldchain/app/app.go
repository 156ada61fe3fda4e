// Package app is shieldchain: the smallest Cosmos SDK application that makes
// blocks, charges for transactions, keeps a note commitment tree and lets its
// users pay with the notes.
package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/gogoproto/proto"
	"github.com/spf13/cast"

	"cosmossdk.io/core/appmodule"
	"cosmossdk.io/core/store"
	"cosmossdk.io/log/v2"
	"github.com/cosmos/cosmos-sdk/x/tx/signing"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/baseapp/blockexec"
	"github.com/cosmos/cosmos-sdk/baseapp/oe"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/grpc/cmtservice"
	nodeservice "github.com/cosmos/cosmos-sdk/client/grpc/node"
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/server"
	"github.com/cosmos/cosmos-sdk/server/api"
	"github.com/cosmos/cosmos-sdk/server/config"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	"github.com/cosmos/cosmos-sdk/std"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/x/auth"
	authkeeper "github.com/cosmos/cosmos-sdk/x/auth/keeper"
	authtx "github.com/cosmos/cosmos-sdk/x/auth/tx"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/bank"
	bankkeeper "github.com/cosmos/cosmos-sdk/x/bank/keeper"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/cosmos/cosmos-sdk/x/consensus"
	consensuskeeper "github.com/cosmos/cosmos-sdk/x/consensus/keeper"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	"github.com/cosmos/cosmos-sdk/x/genutil"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"
	"github.com/cosmos/cosmos-sdk/x/staking"
	stakingkeeper "github.com/cosmos/cosmos-sdk/x/staking/keeper"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	"github.com/cosmos/cosmos-sdk/x/upgrade"
	upgradekeeper "github.com/cosmos/cosmos-sdk/x/upgrade/keeper"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"

	"github.com/kvshard/kvshard/examples/shieldchain/bundle"
	"github.com/kvshard/kvshard/examples/shieldchain/x/shield"
	shieldkeeper "github.com/kvshard/kvshard/examples/shieldchain/x/shield/keeper"
	shieldtypes "github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
	"github.com/kvshard/kvshard/x/commitment"
	commitmentkeeper "github.com/kvshard/kvshard/x/commitment/keeper"
	commitmenttypes "github.com/kvshard/kvshard/x/commitment/types"
)

const (
	// Name of the application.
	Name = "shieldchain"
	// FlagOptimisticExecution makes the node execute a proposed block during
	// the vote. Each node may choose; the results are the same.
	FlagOptimisticExecution = "optimistic-execution"
	// FlagOptimisticAborts is the percentage of optimistic executions that are
	// aborted and done again. It is for tests.
	FlagOptimisticAborts = "optimistic-execution-aborts"
	// FlagDisabledQueries are the names of queries of x/commitment that the node does
	// not answer, in app.toml too.
	FlagDisabledQueries = "commitment.disabled-queries"
)

// DefaultNodeHome is where shieldd keeps its files unless --home names another
// place.
var DefaultNodeHome = filepath.Join(userHome(), ".shieldd")

func userHome() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return "."
	}
	return home
}

// accountPermissions are the modules that hold coins, and what they may do.
var accountPermissions = map[string][]string{
	authtypes.FeeCollectorName:          nil,
	stakingtypes.BondedPoolName:         {authtypes.Burner, authtypes.Staking},
	stakingtypes.NotBondedPoolName:      {authtypes.Burner, authtypes.Staking},
	stakingtypes.KeyRotationFeePoolName: {authtypes.Burner},
	shieldtypes.ModuleName:              nil,
}

// blockedAddresses are those accounts: nobody pays into them but their modules.
// The pool of x/shield holds the value of its notes, to the last coin.
func blockedAddresses() map[string]bool {
	blocked := map[string]bool{}
	for module := range accountPermissions {
		blocked[authtypes.NewModuleAddress(module).String()] = true
	}
	return blocked
}

// App is the application.
type App struct {
	*baseapp.BaseApp

	codec             codec.Codec
	amino             *codec.LegacyAmino
	interfaceRegistry codectypes.InterfaceRegistry
	txConfig          client.TxConfig
	storeKeys         map[string]*storetypes.KVStoreKey

	Accounts   authkeeper.AccountKeeper
	Bank       bankkeeper.Keeper
	Staking    *stakingkeeper.Keeper
	Consensus  consensuskeeper.Keeper
	Upgrade    *upgradekeeper.Keeper
	Commitment commitmentkeeper.Keeper
	Shield     shieldkeeper.Keeper

	Modules      *module.Manager
	basics       module.BasicManager
	configurator module.Configurator
	closeOnce    sync.Once
	closeErr     error
}

var _ servertypes.Application = (*App)(nil)

// Authority is the address that changes parameters unless the consensus
// parameters name another one. It is the account of a governance module, which
// this chain does not have.
var Authority = authtypes.NewModuleAddress("gov").String()

// New makes the application over a database, and loads its newest state if
// load is set.
func New(logger log.Logger, db dbm.DB, load bool, opts servertypes.AppOptions, base ...func(*baseapp.BaseApp)) (*App, error) {
	prefixes := sdk.GetConfig()
	addresses := address.NewBech32Codec(prefixes.GetBech32AccountAddrPrefix())
	validators := address.NewBech32Codec(prefixes.GetBech32ValidatorAddrPrefix())
	consensusAddresses := address.NewBech32Codec(prefixes.GetBech32ConsensusAddrPrefix())

	registry, err := codectypes.NewInterfaceRegistryWithOptions(codectypes.InterfaceRegistryOptions{
		ProtoFiles:     proto.HybridResolver,
		SigningOptions: signing.Options{AddressCodec: addresses, ValidatorAddressCodec: validators},
	})
	if err != nil {
		return nil, err
	}
	cdc, amino := codec.NewProtoCodec(registry), codec.NewLegacyAmino()
	std.RegisterInterfaces(registry)
	std.RegisterLegacyAminoCodec(amino)
	txConfig := authtx.NewTxConfig(cdc, authtx.DefaultSignModes)

	if cast.ToBool(opts.Get(FlagOptimisticExecution)) {
		aborts := cast.ToInt(opts.Get(FlagOptimisticAborts))
		base = append(base, baseapp.SetOptimisticExecution(oe.WithAbortRate(aborts)))
	}
	a := &App{
		BaseApp: baseapp.NewBaseApp(Name, logger, db, txConfig.TxDecoder(), base...),
		codec:   cdc, amino: amino, interfaceRegistry: registry, txConfig: txConfig,
		storeKeys: storetypes.NewKVStoreKeys(authtypes.StoreKey, banktypes.StoreKey, stakingtypes.StoreKey,
			consensustypes.StoreKey, upgradetypes.StoreKey, commitmenttypes.StoreKey, shieldtypes.StoreKey),
	}
	a.SetInterfaceRegistry(registry)
	a.SetTxEncoder(txConfig.TxEncoder())
	transient := storetypes.NewTransientStoreKey(commitmenttypes.TransientStoreKey)
	home := cast.ToString(opts.Get(flags.FlagHome))
	service := func(name string) store.KVStoreService { return runtime.NewKVStoreService(a.storeKeys[name]) }

	a.Consensus = consensuskeeper.NewKeeper(cdc, service(consensustypes.StoreKey), Authority, runtime.EventService{})
	a.SetParamStore(a.Consensus.ParamsStore)
	a.Upgrade = upgradekeeper.NewKeeper(skippedHeights(opts), service(upgradetypes.StoreKey), cdc, home, a.BaseApp, Authority)
	a.Accounts = authkeeper.NewAccountKeeper(cdc, service(authtypes.StoreKey), authtypes.ProtoBaseAccount,
		accountPermissions, addresses, prefixes.GetBech32AccountAddrPrefix(), Authority)
	a.Bank = bankkeeper.NewBaseKeeper(cdc, service(banktypes.StoreKey), a.Accounts, blockedAddresses(), Authority, logger)
	a.Staking = stakingkeeper.NewKeeper(cdc, service(stakingtypes.StoreKey), a.Accounts, a.Bank, Authority, validators, consensusAddresses)

	// With a home directory, the tree's records can lie beside genesis.json.
	// Without one, as in tests, they are in genesis itself.
	var keeperOptions []commitmentkeeper.Option
	if home != "" {
		keeperOptions = append(keeperOptions, commitmentkeeper.WithGenesisDir(filepath.Join(home, "config")))
	}
	keeperOptions = append(keeperOptions, commitmentkeeper.WithoutQueries(cast.ToStringSlice(opts.Get(FlagDisabledQueries))...))
	a.Commitment = commitmentkeeper.NewKeeper(cdc, service(commitmenttypes.StoreKey),
		runtime.NewTransientStoreService(transient), addresses, Authority, keeperOptions...)
	a.Shield = shieldkeeper.NewKeeper(cdc, service(shieldtypes.StoreKey), addresses, Authority,
		a.Accounts, a.Bank, a.Commitment, shieldkeeper.NewVerifier(bundle.Verify))

	a.Modules = module.NewManager(
		auth.NewAppModule(cdc, a.Accounts, nil),
		bank.NewAppModule(cdc, a.Bank, a.Accounts),
		staking.NewAppModule(cdc, a.Staking, a.Accounts, a.Bank),
		consensus.NewAppModule(cdc, a.Consensus),
		upgrade.NewAppModule(a.Upgrade, addresses),
		commitment.NewAppModule(a.Commitment),
		shield.NewAppModule(a.Shield),
		genutil.NewAppModule(a.Accounts, a.Staking, a, txConfig),
	)
	a.basics = module.NewBasicManagerFromManager(a.Modules, map[string]module.AppModuleBasic{
		genutiltypes.ModuleName: genutil.NewAppModuleBasic(genutiltypes.DefaultMessageValidator),
	})
	a.basics.RegisterLegacyAminoCodec(amino)
	a.basics.RegisterInterfaces(registry)

	genesisOrder := []string{
		consensustypes.ModuleName, upgradetypes.ModuleName, authtypes.ModuleName, banktypes.ModuleName, stakingtypes.ModuleName,
		commitmenttypes.ModuleName, shieldtypes.ModuleName, genutiltypes.ModuleName,
	}
	a.Modules.SetOrderPreBlockers(upgradetypes.ModuleName, authtypes.ModuleName)
	a.Modules.SetOrderBeginBlockers(stakingtypes.ModuleName)
	a.Modules.SetOrderEndBlockers(banktypes.ModuleName, stakingtypes.ModuleName, commitmenttypes.ModuleName)
	a.Modules.SetOrderInitGenesis(genesisOrder...)
	a.Modules.SetOrderExportGenesis(genesisOrder...)
	a.configurator = module.NewConfigurator(cdc, a.MsgServiceRouter(), a.GRPCQueryRouter())
	if err := a.Modules.RegisterServices(a.configurator); err != nil {
		return nil, err
	}

	a.setUpgradeHandler()
	if err := a.setStoreLoader(home); err != nil {
		return nil, err
	}
	a.MountKVStores(a.storeKeys)
	a.MountStores(transient)
	a.SetAnteHandler(a.anteHandler())
	a.SetInitChainer(a.initChain)
	a.SetPreBlocker(func(ctx sdk.Context, _ *abci.RequestFinalizeBlock) (*sdk.ResponsePreBlock, error) {
		return a.Modules.PreBlock(ctx)
	})
	a.SetBeginBlocker(a.Modules.BeginBlock)
	a.SetEndBlocker(a.Modules.EndBlock)

	// --block-executor block-stm runs a block's transactions in parallel.
	stores := []storetypes.StoreKey{transient}
	for _, key := range a.storeKeys {
		stores = append(stores, key)
	}
	blockexec.Apply(a.BaseApp, opts, stores, txConfig.TxDecoder(), func(storetypes.MultiStore) string { return sdk.DefaultBondDenom })

	if load {
		if err := a.LoadLatestVersion(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *App) initChain(ctx sdk.Context, req *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	var state map[string]json.RawMessage
	if err := json.Unmarshal(req.AppStateBytes, &state); err != nil {
		return nil, err
	}
	if err := a.Upgrade.SetModuleVersionMap(ctx, a.Modules.GetVersionMap()); err != nil {
		return nil, err
	}
	return a.Modules.InitGenesis(ctx, a.codec, state)
}

// DefaultGenesis returns the genesis of all modules.
func (a *App) DefaultGenesis() map[string]json.RawMessage { return a.basics.DefaultGenesis(a.codec) }

// Close closes the application and its databases. The SDK's server calls it
// more than once.
func (a *App) Close() error {
	a.closeOnce.Do(func() { a.closeErr = a.BaseApp.Close() })
	return a.closeErr
}

// Codec returns the application's codec.
func (a *App) Codec() codec.Codec { return a.codec }

// InterfaceRegistry returns the registry that decodes messages by their names.
func (a *App) InterfaceRegistry() codectypes.InterfaceRegistry { return a.interfaceRegistry }

// LegacyAmino returns the codec of the SDK's older parts.
func (a *App) LegacyAmino() *codec.LegacyAmino { return a.amino }

// Basics returns the modules' commands and default genesis.
func (a *App) Basics() module.BasicManager { return a.basics }

// AppModules returns the modules, for the commands that AutoCLI makes of them.
func (a *App) AppModules() map[string]appmodule.AppModule {
	modules := map[string]appmodule.AppModule{}
	for name, m := range a.Modules.Modules {
		if m, ok := m.(appmodule.AppModule); ok {
			modules[name] = m
		}
	}
	return modules
}

// TxConfig returns the configuration that makes and reads transactions.
func (a *App) TxConfig() client.TxConfig { return a.txConfig }

// Configurator returns the configurator with the modules' migrations.
func (a *App) Configurator() module.Configurator { return a.configurator }

// StoreKey returns the key of a module's store.
func (a *App) StoreKey(name string) *storetypes.KVStoreKey { return a.storeKeys[name] }

// Export returns the state for a genesis file.
func (a *App) Export(forZeroHeight bool, modules []string) (servertypes.ExportedApp, error) {
	if forZeroHeight {
		return servertypes.ExportedApp{}, fmt.Errorf("the tree's checkpoints are heights: a chain that goes on with it starts above them")
	}
	ctx := a.NewContext(true).WithBlockHeight(a.LastBlockHeight())
	state, err := a.Modules.ExportGenesisForModules(ctx, a.codec, modules)
	if err != nil {
		return servertypes.ExportedApp{}, err
	}
	text, err := json.Marshal(state)
	if err != nil {
		return servertypes.ExportedApp{}, err
	}
	validators, err := staking.WriteValidators(ctx, a.Staking)
	return servertypes.ExportedApp{
		AppState:        text,
		Validators:      validators,
		Height:          a.LastBlockHeight() + 1,
		ConsensusParams: a.GetConsensusParams(ctx),
	}, err
}

// CheckState checks the whole tree of the loaded state, and that the pool is
// covered. The messages say what was found.
func (a *App) CheckState() (messages []string, broken bool) {
	ctx := a.NewContext(true).WithBlockHeight(a.LastBlockHeight())
	for _, invariant := range []func(sdk.Context) (string, bool){a.Commitment.Invariant, a.Shield.Invariant} {
		message, bad := invariant(ctx)
		messages, broken = append(messages, message), broken || bad
	}
	return messages, broken
}

// RegisterAPIRoutes serves the modules that have a REST gateway.
func (a *App) RegisterAPIRoutes(server *api.Server, _ config.APIConfig) {
	authtx.RegisterGRPCGatewayRoutes(server.ClientCtx, server.GRPCGatewayRouter)
	cmtservice.RegisterGRPCGatewayRoutes(server.ClientCtx, server.GRPCGatewayRouter)
	nodeservice.RegisterGRPCGatewayRoutes(server.ClientCtx, server.GRPCGatewayRouter)
	a.basics.RegisterGRPCGatewayRoutes(server.ClientCtx, server.GRPCGatewayRouter)
}

// RegisterTxService serves transactions over gRPC.
func (a *App) RegisterTxService(ctx client.Context) {
	authtx.RegisterTxService(a.GRPCQueryRouter(), ctx, a.Simulate, a.interfaceRegistry)
}

// RegisterTendermintService serves blocks over gRPC.
func (a *App) RegisterTendermintService(ctx client.Context) {
	cmtservice.RegisterTendermintService(ctx, a.GRPCQueryRouter(), a.interfaceRegistry, server.NewCometABCIWrapper(a).Query)
}

// RegisterNodeService serves the node's configuration over gRPC.
func (a *App) RegisterNodeService(ctx client.Context, cfg config.Config) {
	nodeservice.RegisterNodeService(ctx, a.GRPCQueryRouter(), cfg, func() int64 {
		return a.CommitMultiStore().EarliestVersion()
	})
}
