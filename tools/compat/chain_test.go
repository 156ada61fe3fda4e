package compat

import (
	"encoding/json"
	"testing"

	"cosmossdk.io/core/store"
	storetypes "cosmossdk.io/store/types"
	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/kvtest"
)

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// start opens the application over the database in a folder. The returned
// function closes both.
func start(t *testing.T, dir string) (app *App, stop func()) {
	t.Helper()
	db := must(dbm.NewGoLevelDB("application", dir, nil))(t)
	app = must(Start(db))(t)
	return app, func() {
		t.Helper()
		if err := app.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// initChain begins the chain with one validator and one account.
func initChain(t *testing.T, app *App) {
	t.Helper()
	validators := must(simtestutil.CreateRandomValidatorSet())(t)
	key := secp256k1.GenPrivKeyFromSecret([]byte("compat")).PubKey()
	account := authtypes.NewBaseAccount(key.Address().Bytes(), key, 0, 0)
	balance := banktypes.Balance{
		Address: account.Address,
		Coins:   sdk.NewCoins(sdk.NewInt64Coin(sdk.DefaultBondDenom, 1_000_000)),
	}
	state := must(simtestutil.GenesisStateWithValSet(app.codec, app.DefaultGenesis(), validators, []authtypes.GenesisAccount{account}, balance))(t)
	must(app.InitChain(&abci.RequestInitChain{
		ChainId:         ChainID,
		ConsensusParams: simtestutil.DefaultConsensusParams,
		AppStateBytes:   must(json.Marshal(state))(t),
	}))(t)
}

// block executes and commits a block that brings these leaves.
func block(t *testing.T, app *App, leaves []kvshard.Node) {
	t.Helper()
	app.Queue(leaves)
	must(app.FinalizeBlock(&abci.RequestFinalizeBlock{Height: app.LastBlockHeight() + 1}))(t)
	must(app.Commit())(t)
}

// at returns the tree at a committed height, as a query sees it.
func at(t *testing.T, app *App, height int64) (*kvshard.Tree, store.KVStore) {
	t.Helper()
	ctx := must(app.CreateQueryContext(height, false))(t)
	return must(app.Keeper.Tree(ctx))(t), app.Keeper.storeService.OpenKVStore(ctx)
}

// TestChain appends the commitments of real Zcash blocks, one block each, and
// compares the roots with Zcash's consensus; again after the application was
// closed and opened, and at old heights. The records equal those of a tree over a
// store in memory, so they are the same on every SDK.
func TestChain(t *testing.T) {
	blocks := must(realdata.Testnet())(t).Blocks
	dir := t.TempDir()
	app, stop := start(t, dir)
	initChain(t, app)
	mem := kvtest.Strict(t)
	twin := must(kvshard.Open(mem))(t)

	var leaves []kvshard.Node // of all blocks so far
	for i, b := range blocks {
		if i == len(blocks)/2 {
			hash := app.LastCommitID().Hash
			stop()
			app, stop = start(t, dir)
			if got := app.LastCommitID(); got.Version != int64(i) || string(got.Hash) != string(hash) {
				t.Fatalf("opened again, the application is at height %d with hash %X, it was closed at %d with %X", got.Version, got.Hash, i, hash)
			}
		}
		var brought []kvshard.Node
		for _, leaf := range b.Commitments {
			brought = append(brought, leaf)
		}
		leaves = append(leaves, brought...)
		block(t, app, brought)
		must(twin.AppendBatch(brought))(t)
		if err := twin.Checkpoint(uint32(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	defer func() { stop() }()

	for i, b := range blocks {
		tree, _ := at(t, app, int64(i+1))
		if root := must(tree.Root())(t); root != kvshard.Node(b.RootAfter) {
			t.Errorf("height %d has the root %s, Zcash's block %d has %s", i+1, root, b.Height, kvshard.Node(b.RootAfter))
		}
	}
	newest := app.LastBlockHeight()
	tree, kv := at(t, app, newest)
	root := must(tree.Root())(t)
	for position, leaf := range leaves {
		if err := must(tree.Witness(uint64(position)))(t).Verify(root, leaf); err != nil {
			t.Error(err)
		}
	}
	if err := tree.Check(); err != nil {
		t.Error(err)
	}
	committed := kvtest.NewMemStoreFromPairs(records(t, kv))
	if diff := mem.Diff(committed); diff != "" {
		t.Errorf("the records differ from those of a store in memory: %s", diff)
	}
}

// records returns the records of the store.
func records(t *testing.T, kv store.KVStore) (pairs []kvtest.Pair) {
	t.Helper()
	for entry, err := range kvshard.Entries(kv, nil, nil) {
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, kvtest.Pair{Key: entry.Key, Value: entry.Value})
	}
	return pairs
}

// TestOutOfGas: at every limit below its cost, a call panics with the SDK's own
// value. On every SDK the call costs what it costs in kvtest.
func TestOutOfGas(t *testing.T) {
	app, stop := start(t, t.TempDir())
	defer stop()
	initChain(t, app)
	leaves := []kvshard.Node{{1}, {3}, {4}}
	block(t, app, leaves)
	ctx := must(app.CreateQueryContext(app.LastBlockHeight(), false))(t)

	// gas appends a leaf under a gas limit, and returns the gas used.
	gas := func(limit uint64) uint64 {
		branch, _ := ctx.CacheContext()
		meter := storetypes.NewGasMeter(limit)
		tree := must(app.Keeper.Tree(branch.WithGasMeter(meter)))(t)
		if position := must(tree.Append(kvshard.Node{5}))(t); position != uint64(len(leaves)) {
			t.Errorf("position %d, want %d", position, len(leaves))
		}
		return meter.GasConsumed()
	}
	const plenty = 1_000_000
	cost := gas(plenty)
	mem := kvtest.NewGasStore(kvtest.NewMemStoreFromPairs(records(t, app.Keeper.storeService.OpenKVStore(ctx))), plenty)
	must(must(kvshard.Open(mem))(t).Append(kvshard.Node{5}))(t)
	if mem.GasConsumed() != cost {
		t.Errorf("an append costs %d gas, in kvtest %d", cost, mem.GasConsumed())
	}
	for limit := uint64(0); limit < cost; limit += 50 {
		func() {
			defer func() {
				t.Helper()
				if _, ok := recover().(storetypes.ErrorOutOfGas); !ok {
					t.Errorf("with %d of %d gas the call does not end in the SDK's panic", limit, cost)
				}
			}()
			gas(limit)
		}()
	}
}
