package sim

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/baseapp"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	"github.com/cosmos/cosmos-sdk/testutil/simsx"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	simtypes "github.com/cosmos/cosmos-sdk/types/simulation"
	"github.com/cosmos/cosmos-sdk/x/auth"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"

	"github.com/kvshard/kvshard/examples/shieldchain/app"
	"github.com/kvshard/kvshard/x/commitment"
	"github.com/kvshard/kvshard/x/commitment/simulation"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// A start is how a chain of the simulation begins, and in which order it runs a block.
type start struct {
	// first is the height of the first block. The SDK's simulation numbers blocks from 1
	// and cannot begin higher up, so the application shifts what the modules see.
	first uint32
	// sdkOrder runs a block as the SDK's simulation does: EndBlock first, and then the
	// transactions, outside of any place in the block. Else the application runs EndBlock
	// behind the transactions, and these know their place, as on a chain.
	sdkOrder bool
}

// A chain is shieldchain as the SDK's simulation wants an application.
type chain struct {
	*app.App

	start      start
	governance *governance
	manager    *module.SimulationManager
	txs        int                    // of the running block
	updates    []abci.ValidatorUpdate // of the block before, in the order of a chain
	queued     int                    // messages whose commitments EndBlock appended
}

var _ simsx.SimulationApp = (*chain)(nil)

// open is the function that the SDK's simulation makes applications with. It has no home:
// the tree of an exported genesis is inside genesis, for another application to read.
func (s start) open(logger log.Logger, db dbm.DB, _ bool, _ servertypes.AppOptions, base ...func(*baseapp.BaseApp)) *chain {
	a, err := app.New(logger, db, false, simtestutil.AppOptionsMap{}, base...)
	if err != nil {
		panic(err)
	}
	c := &chain{App: a, start: s, governance: &governance{app: a}}
	c.manager = manager(a, c.governance)
	// Those of the SDK's modules panic at a record that one of the stores does not have.
	commitment.NewAppModule(a.Commitment).RegisterStoreDecoder(c.manager.StoreDecoders)
	c.SetInitChainer(c.InitChainer)
	c.SetPreBlocker(func(ctx sdk.Context, _ *abci.RequestFinalizeBlock) (*sdk.ResponsePreBlock, error) {
		c.txs = 0
		return c.Modules.PreBlock(c.shift(ctx))
	})
	c.SetBeginBlocker(c.BeginBlocker)
	c.SetEndBlocker(c.EndBlocker)
	if !s.sdkOrder {
		c.SetEndBlocker(func(sdk.Context) (sdk.EndBlock, error) { return sdk.EndBlock{ValidatorUpdates: c.updates}, nil })
		c.SetPrecommiter(c.endBlock)
	}
	ante := c.AnteHandler()
	c.SetAnteHandler(func(ctx sdk.Context, tx sdk.Tx, simulate bool) (sdk.Context, error) {
		if ctx = c.shift(ctx); !s.sdkOrder {
			ctx = ctx.WithTxIndex(c.txs)
		}
		c.txs++
		return ante(ctx, tx, simulate)
	})
	if err := c.LoadLatestVersion(); err != nil {
		panic(err)
	}
	return c
}

// manager knows the modules that simulate something. x/shield does not: its bundles have
// proofs, and one takes seconds. The chain has no vesting accounts, so all are base accounts.
func manager(a *app.App, g *governance) *module.SimulationManager {
	modules := map[string]any{govtypes.ModuleName: g}
	for name, m := range a.Modules.Modules {
		modules[name] = m
	}
	return module.NewSimulationManagerFromAppModules(modules, map[string]module.AppModuleSimulation{
		authtypes.ModuleName: auth.NewAppModule(a.Codec(), a.Accounts, func(state *module.SimulationState) authtypes.GenesisAccounts {
			accounts := make(authtypes.GenesisAccounts, len(state.Accounts))
			for i, account := range state.Accounts {
				accounts[i] = authtypes.NewBaseAccountWithAddress(account.Address)
			}
			return accounts
		}),
	})
}

// state is what the SDK's simulation asks for: a random genesis, the one that is given if
// there is one.
func (c *chain) state() simsx.SimStateFactory {
	random := func(r *rand.Rand, accounts []simtypes.Account, config simtypes.Config) (json.RawMessage, []simtypes.Account, string, time.Time) {
		tree := func(state map[string]json.RawMessage) {
			if c.start.first > 1 {
				genesis, err := simulation.RandomGenesis(r, c.start.first)
				if err != nil {
					panic(err)
				}
				state[types.ModuleName] = c.Codec().MustMarshalJSON(genesis)
			}
		}
		return simtestutil.AppStateFnWithExtendedCb(c.Codec(), c.manager, c.DefaultGenesis(), tree)(r, accounts, config)
	}
	return simsx.SimStateFactory{Codec: c.Codec(), AppStateFn: random, AccountSource: accounts{c.Accounts}, BalanceSource: c.Bank}
}

// shift turns a height of the simulation into one of the chain.
func (c *chain) shift(ctx sdk.Context) sdk.Context {
	if c.start.first <= 1 {
		return ctx
	}
	info := ctx.HeaderInfo()
	// Genesis is at height 0 of the simulation, and at the first height of the chain.
	info.Height = max(ctx.BlockHeight(), 1) + int64(c.start.first) - 1
	return ctx.WithBlockHeight(info.Height).WithHeaderInfo(info)
}

// height is the chain's newest.
func (c *chain) height() int64 { return c.LastBlockHeight() + int64(max(c.start.first, 1)) - 1 }

// endBlock runs EndBlock when the block is committed, and so behind its transactions.
func (c *chain) endBlock(ctx sdk.Context) {
	result, err := c.EndBlocker(ctx.WithEventManager(sdk.NewEventManager()))
	if err != nil {
		panic(fmt.Sprintf("EndBlock: %v", err))
	}
	for _, event := range result.Events {
		if event.Type == types.EventType(&types.EventAppendQueued{}) {
			c.queued++
		}
	}
	c.updates = result.ValidatorUpdates
	ctx.MultiStore().(storetypes.CacheMultiStore).Write()
}

// InitChainer begins the chain.
func (c *chain) InitChainer(ctx sdk.Context, req *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	var state map[string]json.RawMessage
	if err := json.Unmarshal(req.AppStateBytes, &state); err != nil {
		return nil, err
	}
	return c.Modules.InitGenesis(c.shift(ctx), c.Codec(), state)
}

// BeginBlocker runs what begins a block.
func (c *chain) BeginBlocker(ctx sdk.Context) (sdk.BeginBlock, error) {
	return c.Modules.BeginBlock(c.shift(ctx))
}

// EndBlocker runs what ends a block.
func (c *chain) EndBlocker(ctx sdk.Context) (sdk.EndBlock, error) {
	ctx = c.shift(ctx)
	if err := c.governance.endBlock(ctx); err != nil {
		return sdk.EndBlock{}, err
	}
	return c.Modules.EndBlock(ctx)
}

// LoadHeight loads an older state.
func (c *chain) LoadHeight(height int64) error { return c.LoadVersion(height) }

// ExportAppStateAndValidators exports the state.
func (c *chain) ExportAppStateAndValidators(forZeroHeight bool, _, modules []string) (servertypes.ExportedApp, error) {
	exported, err := c.Export(forZeroHeight, modules)
	exported.Height = c.height() + 1
	return exported, err
}

// SimulationManager returns the modules that simulate.
func (c *chain) SimulationManager() *module.SimulationManager { return c.manager }

// GetBaseApp returns what runs the blocks.
func (c *chain) GetBaseApp() *baseapp.BaseApp { return c.BaseApp }
