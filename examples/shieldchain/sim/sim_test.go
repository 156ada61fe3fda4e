// Package sim runs the SDK's simulations over shieldchain: random geneses, random
// transactions and random parameters, for as many blocks and seeds as the flags say.
package sim

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	dbm "github.com/cosmos/cosmos-db"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/baseapp"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	"github.com/cosmos/cosmos-sdk/testutil/simsx"
	"github.com/cosmos/cosmos-sdk/types/kv"
	simtypes "github.com/cosmos/cosmos-sdk/types/simulation"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	shieldtypes "github.com/kvshard/kvshard/examples/shieldchain/x/shield/types"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// The defaults are for CI; make sim runs more.
var (
	blocks = flag.Int("blocks", 12, "blocks of a simulation")
	size   = flag.Int("block-size", 20, "operations of a block, about")
	first  = flag.Int64("first-seed", 1, "seed of the first simulation")
	seeds  = flag.Int("seeds", 2, "how many seeds are simulated, one after the other")
)

const (
	genesisTime = 1_700_000_000
	// mostAccounts is less than the simulation's 2,500: with so many, most of the time goes
	// into x/staking's validators.
	mostAccounts = 40
)

// each runs a test for every seed, and says how to run one again that fails. Two thirds of
// the chains begin above height 1, with a tree that has a history.
func each(t *testing.T, test func(t *testing.T, config simtypes.Config, start start)) {
	name := t.Name()
	for seed := *first; seed < *first+int64(*seeds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("to run this one again: make sim SIM_RUN=%s SIM_FIRST=%d SIM_SEEDS=1 SIM_BLOCKS=%d", name, seed, *blocks)
				}
			})
			start := start{first: 1}
			if seed%3 != 0 {
				start.first = uint32(2 + 7*seed)
			}
			test(t, simtypes.Config{
				Seed: seed, InitialBlockHeight: 1, NumBlocks: *blocks, BlockSize: *size, GenesisTime: genesisTime,
				ChainID: simsx.SimAppChainID, DBBackend: string(dbm.MemDBBackend), Commit: true, Lean: true,
			}, start)
		})
	}
}

// run runs one simulation from a random genesis, checks the state that it ends in, and
// gives it to then.
func run(t *testing.T, config simtypes.Config, start start, then func(c *chain, accounts []simtypes.Account)) {
	t.Helper()
	runFrom(t, config, start, (*chain).state, then)
}

func runFrom(t *testing.T, config simtypes.Config, start start, state func(*chain) simsx.SimStateFactory, then func(c *chain, accounts []simtypes.Account)) {
	t.Helper()
	few := func(r *rand.Rand, n int) []simtypes.Account { return simtypes.RandomAccounts(r, min(n, mostAccounts)) }
	simsx.RunWithSeedAndRandAcc(t, config, start.open, state, config.Seed, nil, few, func(t testing.TB, run simsx.TestInstance[*chain], accounts []simtypes.Account) {
		c := run.App
		if messages, broken := c.CheckState(); broken {
			t.Fatalf("after %d blocks: %v", config.NumBlocks, messages)
		}
		if c.LastBlockHeight() != int64(config.NumBlocks) {
			t.Fatalf("%d blocks, want %d", c.LastBlockHeight(), config.NumBlocks)
		}
		then(c, accounts)
	})
}

// TestFullApplication: blocks in the order of the SDK's simulation, in which whatever is
// appended is behind EndBlock and has its anchor at the next height.
func TestFullApplication(t *testing.T) {
	each(t, func(t *testing.T, config simtypes.Config, start start) {
		start.sdkOrder = true
		run(t, config, start, func(c *chain, _ []simtypes.Account) { exportAndImport(t, c) })
	})
}

// TestImportExport: what was exported makes the same stores, record by record.
func TestImportExport(t *testing.T) {
	var leaves, queued atomic.Uint64
	t.Cleanup(func() {
		if !t.Failed() && (leaves.Load() == 0 || queued.Load() == 0) {
			t.Errorf("all trees together have %d leaves, and %d messages were queued", leaves.Load(), queued.Load())
		}
	})
	each(t, func(t *testing.T, config simtypes.Config, start start) {
		run(t, config, start, func(c *chain, _ []simtypes.Account) {
			tree, err := c.Commitment.View(c.NewContext(true))
			if err != nil {
				t.Fatal(err)
			}
			size, err := tree.Size()
			if err != nil {
				t.Fatal(err)
			}
			leaves.Add(size)
			queued.Add(uint64(c.queued))
			exportAndImport(t, c)
		})
	})
}

// TestAfterImport: a chain that began with what another one exported goes on.
func TestAfterImport(t *testing.T) {
	each(t, func(t *testing.T, config simtypes.Config, begin start) {
		run(t, config, begin, func(c *chain, accounts []simtypes.Account) {
			exported, err := c.ExportAppStateAndValidators(false, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			last := exported.Height - 1
			imported := func(c *chain) simsx.SimStateFactory {
				state := c.state()
				state.AppStateFn = func(*rand.Rand, []simtypes.Account, simtypes.Config) (json.RawMessage, []simtypes.Account, string, time.Time) {
					return exported.AppState, accounts, config.ChainID, time.Unix(genesisTime, 0).AddDate(1, 0, 0)
				}
				return state
			}
			again := start{first: uint32(exported.Height)}
			runFrom(t, config, again, imported, func(c *chain, _ []simtypes.Account) {
				if want := last + int64(config.NumBlocks); c.height() != want {
					t.Errorf("height %d, want %d", c.height(), want)
				}
				exportAndImport(t, c)
			})
		})
	})
}

// TestDeterminism: a seed has the same state each time.
func TestDeterminism(t *testing.T) {
	const times = 3
	each(t, func(t *testing.T, config simtypes.Config, start start) {
		var hash []byte
		for i := range times {
			run(t, config, start, func(c *chain, _ []simtypes.Account) {
				got := c.LastCommitID().Hash
				if hash == nil {
					hash = got
				}
				if !bytes.Equal(got, hash) {
					t.Errorf("run %d of %d: the app hash is %X, and it was %X", i+1, times, got, hash)
				}
			})
		}
	})
}

// passing are records that an import makes anew, in another order or not at all: the SDK's
// own, whatever its simulations leave out.
var passing = map[string][][]byte{
	stakingtypes.StoreKey: {
		stakingtypes.UnbondingQueueKey, stakingtypes.RedelegationQueueKey, stakingtypes.ValidatorQueueKey,
		stakingtypes.HistoricalInfoKey, stakingtypes.UnbondingIDKey, stakingtypes.UnbondingIndexKey, stakingtypes.UnbondingTypeKey, stakingtypes.ValidatorUpdatesKey,
	},
}

// exportAndImport compares a chain's stores with those of one that begins with its export.
func exportAndImport(t *testing.T, a *chain) {
	t.Helper()
	exported, err := a.ExportAppStateAndValidators(false, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := start{first: uint32(exported.Height)}
	b := begin.open(log.NewNopLogger(), dbm.NewMemDB(), true, nil, baseapp.SetChainID(simsx.SimAppChainID))
	defer b.Close()
	var state map[string]json.RawMessage
	if err := json.Unmarshal(exported.AppState, &state); err != nil {
		t.Fatal(err)
	}
	from := a.NewContextLegacy(true, cmtproto.Header{Height: a.height()})
	to := b.NewContextLegacy(true, cmtproto.Header{Height: exported.Height})
	if _, err := b.Modules.InitGenesis(to, b.Codec(), state); err != nil {
		t.Fatal(err)
	}
	if err := b.StoreConsensusParams(to, exported.ConsensusParams); err != nil {
		t.Fatal(err)
	}
	for _, store := range []string{authtypes.StoreKey, banktypes.StoreKey, stakingtypes.StoreKey, consensustypes.StoreKey, types.StoreKey, shieldtypes.StoreKey} {
		before, after := records(t, from.KVStore(a.StoreKey(store)), passing[store]), records(t, to.KVStore(b.StoreKey(store)), passing[store])
		if old, new := differences(before, after); len(old) > 0 {
			t.Errorf("%d records of x/%s are others after the import, of %d:\n%s", len(old), store, len(before),
				simtestutil.GetSimulationLog(store, a.manager.StoreDecoders, old, new))
		}
	}
}

// records returns those of a store whose keys have none of these prefixes.
func records(t testing.TB, store storetypes.KVStore, skip [][]byte) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for entry, err := range kvshard.Entries(chaintest.CoreStore{KVStore: store}, nil, nil) {
		chaintest.Must0(t, err)
		if !slices.ContainsFunc(skip, func(prefix []byte) bool { return bytes.HasPrefix(entry.Key, prefix) }) {
			found[string(entry.Key)] = entry.Value
		}
	}
	return found
}

// differences returns the records that are not the same in both, in the order of their
// keys. The SDK's DiffKVStores names some twice.
func differences(a, b map[string][]byte) (ofA, ofB []kv.Pair) {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !bytes.Equal(a[key], b[key]) {
			ofA, ofB = append(ofA, kv.Pair{Key: []byte(key), Value: a[key]}), append(ofB, kv.Pair{Key: []byte(key), Value: b[key]})
		}
	}
	return ofA, ofB
}
