package tests

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	dbm "github.com/cosmos/cosmos-db"

	corestore "cosmossdk.io/core/store"
	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/store/v2"
	"github.com/cosmos/cosmos-sdk/store/v2/prefix"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/kvtest"
)

// A disk is a multistore with one IAVL store on goleveldb.
type disk struct {
	cms storetypes.CommitMultiStore
	key *storetypes.KVStoreKey
}

func newDisk(t testing.TB) *disk {
	t.Helper()
	db := chaintest.Must(dbm.NewGoLevelDB("disk", t.TempDir(), nil))(t)
	t.Cleanup(func() { db.Close() })
	d := &disk{store.NewCommitMultiStore(db, log.NewNopLogger()), storetypes.NewKVStoreKey("tree")}
	d.cms.MountStoreWithDB(d.key, storetypes.StoreTypeIAVL, nil)
	chaintest.Must0(t, d.cms.LoadLatestVersion())
	return d
}

// branch is what a transaction runs on: a cache over the disk, with a gas meter.
func (d *disk) branch(meter storetypes.GasMeter) (sdk.Context, storetypes.CacheMultiStore) {
	cache := d.cms.CacheMultiStore()
	return sdk.NewContext(cache, cmtproto.Header{}, false, log.NewNopLogger()).WithGasMeter(meter), cache
}

func (d *disk) open(ctx sdk.Context) corestore.KVStore {
	return runtime.NewKVStoreService(d.key).OpenKVStore(ctx)
}

// deliver runs f on a branch and commits it.
func (d *disk) deliver(t testing.TB, f func(corestore.KVStore)) {
	t.Helper()
	ctx, cache := d.branch(storetypes.NewInfiniteGasMeter())
	f(d.open(ctx))
	cache.Write()
	d.cms.Commit()
}

func (d *disk) records(t testing.TB) []string {
	ctx, _ := d.branch(storetypes.NewInfiniteGasMeter())
	return chaintest.Records(t, d.open(ctx))
}

const kept = 10 // checkpoints

// grow appends n leaves and fills up the checkpoints.
func grow(t testing.TB, kv corestore.KVStore, n int, opts ...kvshard.Option) {
	t.Helper()
	tree := chaintest.Must(kvshard.Open(kv, append(opts, kvshard.WithMaxCheckpoints(kept))...))(t)
	leaves := chaintest.Leaves(0, n)
	for id := range kept {
		_, err := tree.AppendBatch(leaves[id*n/kept : (id+1)*n/kept])
		chaintest.Must0(t, errors.Join(err, tree.Checkpoint(uint32(id+1))))
	}
}

// calls are the calls of a block and then all others, in an order in which each
// succeeds.
var calls = []struct {
	name string
	call func(*kvshard.Tree) error
}{
	{"AppendBatch", func(t *kvshard.Tree) error { _, err := t.AppendBatch(chaintest.Leaves(5000, 10)); return err }},
	{"Checkpoint", func(t *kvshard.Tree) error { return t.Checkpoint(50) }},
	{"Root", func(t *kvshard.Tree) error { _, err := t.Root(); return err }},
	{"Append", func(t *kvshard.Tree) error { _, err := t.Append(kvshard.Node{9}); return err }},
	{"Size", func(t *kvshard.Tree) error { _, err := t.Size(); return err }},
	{"SizeAt", func(t *kvshard.Tree) error { _, err := t.SizeAt(8); return err }},
	{"RootAt", func(t *kvshard.Tree) error { _, err := t.RootAt(8); return err }},
	{"Leaf", func(t *kvshard.Tree) error { _, err := t.Leaf(3); return err }},
	{"Nodes", func(t *kvshard.Tree) error { _, err := t.Nodes(0, 2, 5); return err }},
	{"Witness", func(t *kvshard.Tree) error { _, err := t.Witness(3); return err }},
	{"WitnessAt", func(t *kvshard.Tree) error { _, err := t.WitnessAt(3, 8); return err }},
	{"RetainCheckpoint", func(t *kvshard.Tree) error { return t.RetainCheckpoint(8) }},
	{"Checkpoint", func(t *kvshard.Tree) error { return t.Checkpoint(51) }},
	{"ReleaseCheckpoint", func(t *kvshard.Tree) error { return t.ReleaseCheckpoint(8) }},
	{"RemoveMark", func(t *kvshard.Tree) error { _, err := t.RemoveMark(2, 50); return err }},
	{"Checkpoints", func(t *kvshard.Tree) error {
		for _, err := range t.Checkpoints() {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"Newest", func(t *kvshard.Tree) error { _, _, err := t.Newest(); return err }},
	{"Frontier", func(t *kvshard.Tree) error { _, err := t.Frontier(); return err }},
	{"FrontierAt", func(t *kvshard.Tree) error { _, err := t.FrontierAt(8); return err }},
	{"FrontierAtSize", func(t *kvshard.Tree) error { _, err := t.FrontierAtSize(7); return err }},
	{"Check", func(t *kvshard.Tree) error { return t.Check() }},
	{"Rewind", func(t *kvshard.Tree) error { return t.Rewind(50) }},
	{"AppendBatch", func(t *kvshard.Tree) error { _, err := t.AppendBatch(chaintest.Leaves(9000, 100)); return err }},
}

// TestGasIsWhatIsCounted compares the SDK's gas for each call with kvtest's
// GasStore, and with Stats at the SDK's prices.
func TestGasIsWhatIsCounted(t *testing.T) {
	for _, n := range []int{0, 10, 1000, 5000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			d, mem := newDisk(t), kvtest.NewMemStore()
			d.deliver(t, func(kv corestore.KVStore) { grow(t, kv, max(n, kept)) })
			grow(t, mem, max(n, kept))

			meter := storetypes.NewInfiniteGasMeter()
			ctx, cache := d.branch(meter)
			gas := kvtest.NewGasStore(mem, 0)
			var stats kvshard.Stats
			onDisk := chaintest.Must(kvshard.Open(d.open(ctx), kvshard.WithMaxCheckpoints(kept), kvshard.WithObserver(func(s kvshard.Stats) { stats = s })))(t)
			counted := chaintest.Must(kvshard.Open(gas, kvshard.WithMaxCheckpoints(kept)))(t)
			prices := storetypes.KVGasConfig()
			iterators := 0
			const longest = 9 + 575 // bytes of a full shard, the longest record that is listed
			for _, c := range calls {
				before := meter.GasConsumed()
				gas.Reset()
				chaintest.Must0(t, errors.Join(c.call(onDisk), c.call(counted)))
				used := meter.GasConsumed() - before
				if used != gas.GasConsumed() {
					t.Errorf("%s: %d gas, kvtest.GasStore has %d", c.name, used, gas.GasConsumed())
				}
				predicted := stats.Gets*prices.ReadCostFlat + stats.BytesRead*prices.ReadCostPerByte +
					stats.Sets*prices.WriteCostFlat + stats.BytesWritten*prices.WriteCostPerByte +
					stats.Deletes*prices.DeleteCost + (stats.IterCreates+stats.IterNexts)*prices.IterNextCostFlat
				// The SDK charges for the record that an iterator moves away
				// from: twice for the first record, never for the last.
				switch {
				case stats.IterCreates == 0 && used != predicted:
					t.Errorf("%s: %d gas, Stats %+v predict %d", c.name, used, stats, predicted)
				case stats.IterCreates > 0 && max(used, predicted)-min(used, predicted) > stats.IterCreates*prices.ReadCostPerByte*longest:
					t.Errorf("%s: %d gas, Stats %+v predict %d, a record for each iterator more or less", c.name, used, stats, predicted)
				}
				iterators += int(stats.IterCreates)
			}
			if iterators == 0 {
				t.Error("no call used an iterator")
			}
			cache.Write()
			d.cms.Commit()
			chaintest.SameDump(t, "IAVL and MemStore", d.records(t), chaintest.Records(t, mem))
		})
	}
}

// TestOutOfGasAtEveryLimit runs a block's calls once for each gas limit below
// what they need. Each time the SDK's own panic comes out, with the descriptor
// that the counted store has at that limit. The state below is untouched.
func TestOutOfGasAtEveryLimit(t *testing.T) {
	d, mem := newDisk(t), kvtest.NewMemStore()
	d.deliver(t, func(kv corestore.KVStore) { grow(t, kv, 1000) })
	grow(t, mem, 1000)
	before := d.records(t)
	block := func(kv corestore.KVStore) error {
		tree, err := kvshard.Open(kv, kvshard.WithMaxCheckpoints(kept))
		if err != nil {
			return err
		}
		for _, c := range calls[:3] {
			if err := c.call(tree); err != nil {
				return err
			}
		}
		return nil
	}
	meter := storetypes.NewInfiniteGasMeter()
	ctx, _ := d.branch(meter)
	chaintest.Must0(t, block(d.open(ctx)))
	need := meter.GasConsumed()
	t.Logf("a block needs %d gas", need)

	// The counted store's charges, in order, with their descriptors.
	descriptor := func(limit uint64) (name string) {
		defer func() { name = recover().(kvtest.ErrorOutOfGas).Descriptor }()
		chaintest.Must0(t, block(kvtest.NewGasStore(mem.Clone(), limit)))
		return ""
	}
	step, next, want := uint64(1), uint64(0), ""
	if testing.Short() {
		step = 97
	}
	names := map[string]int{}
	for limit := uint64(0); limit < need; limit += step {
		meter := storetypes.NewGasMeter(limit)
		ctx, _ := d.branch(meter)
		value := func() (value any) {
			defer func() { value = recover() }()
			return block(d.open(ctx))
		}()
		out, ok := value.(storetypes.ErrorOutOfGas)
		if !ok {
			t.Fatalf("limit %d: %v (%T)", limit, value, value)
		}
		// The same charge fails for all limits below the meter's reading.
		if limit >= next {
			next = meter.GasConsumed()
			if limit == 0 {
				want = out.Descriptor // a GasStore has no limit 0
			} else {
				want = descriptor(limit)
			}
		}
		if out.Descriptor != want {
			t.Errorf("limit %d: %q, want %q", limit, out.Descriptor, want)
		}
		names[out.Descriptor]++
	}
	for _, name := range []string{"ReadFlat", "ReadPerByte", "WriteFlat", "WritePerByte", "Delete", "IterNextFlat", "ValuePerByte"} {
		if names[name] == 0 && !testing.Short() {
			t.Errorf("no limit struck at %s: %v", name, names)
		}
	}
	chaintest.SameDump(t, "after all limits", before, d.records(t))
	// The store still works.
	d.deliver(t, func(kv corestore.KVStore) { chaintest.Must0(t, block(kv)) })
	chaintest.Must0(t, block(mem))
	chaintest.SameDump(t, "the block with enough gas", d.records(t), chaintest.Records(t, mem))
}

// TestAllStores runs all calls on every kind of store that a keeper can meet: all
// end with the same records.
func TestAllStores(t *testing.T) {
	run := func(t *testing.T, kv corestore.KVStore, opts ...kvshard.Option) {
		t.Helper()
		grow(t, kv, 300, opts...)
		tree := chaintest.Must(kvshard.Open(kv, append(opts, kvshard.WithMaxCheckpoints(kept))...))(t)
		for _, c := range calls {
			chaintest.Must0(t, c.call(tree))
		}
		chaintest.Must0(t, tree.Check())
	}
	mem := kvtest.NewMemStore()
	run(t, mem)
	want := chaintest.Records(t, mem)

	d := newDisk(t)
	ctx, cache := d.branch(storetypes.NewInfiniteGasMeter())
	stack := ctx.KVStore(d.key) // gaskv over cachekv over IAVL
	t.Run("gaskv, cachekv, IAVL", func(t *testing.T) {
		run(t, d.open(ctx))
		chaintest.SameDump(t, "in the cache", want, chaintest.Records(t, d.open(ctx)))
		cache.Write()
		d.cms.Commit()
		chaintest.SameDump(t, "on disk", want, d.records(t))
	})
	t.Run("IAVL without a cache", func(t *testing.T) {
		d := newDisk(t)
		kv := chaintest.CoreStore{KVStore: d.cms.GetKVStore(d.key)}
		run(t, kv)
		d.cms.Commit()
		chaintest.SameDump(t, "on disk", want, d.records(t))
	})
	t.Run("cachekv over cachekv", func(t *testing.T) {
		d := newDisk(t)
		ctx, outer := d.branch(storetypes.NewInfiniteGasMeter())
		inner := outer.CacheMultiStore()
		run(t, d.open(ctx.WithMultiStore(inner)))
		inner.Write()
		outer.Write()
		d.cms.Commit()
		chaintest.SameDump(t, "on disk", want, d.records(t))
	})
	t.Run("prefix store", func(t *testing.T) {
		kv := chaintest.CoreStore{KVStore: prefix.NewStore(stack, []byte("p/"))}
		run(t, kv)
		chaintest.SameDump(t, "behind the prefix", want, chaintest.Records(t, kv))
		// The option WithPrefix does the same on the whole store.
		d := newDisk(t)
		ctx, _ := d.branch(storetypes.NewInfiniteGasMeter())
		run(t, d.open(ctx), kvshard.WithPrefix([]byte("p/")))
		chaintest.SameDump(t, "WithPrefix", want, chaintest.Records(t, chaintest.CoreStore{KVStore: prefix.NewStore(ctx.KVStore(d.key), []byte("p/"))}))
	})
	t.Run("goleveldb", func(t *testing.T) {
		db := chaintest.Must(dbm.NewGoLevelDB("raw", t.TempDir(), nil))(t)
		defer db.Close()
		run(t, db)
		chaintest.SameDump(t, "in the database", want, chaintest.Records(t, db))
	})
}

// TestTwoTreesInOneStore: neither tree sees the other, nor the records around
// them.
func TestTwoTreesInOneStore(t *testing.T) {
	d := newDisk(t)
	alone := map[string][]string{}
	for _, p := range []string{"a/", "b/"} {
		mem := kvtest.NewMemStore()
		grow(t, mem, 20*len(alone)+100, kvshard.WithPrefix([]byte(p)))
		alone[p] = chaintest.Records(t, mem)
	}
	d.deliver(t, func(kv corestore.KVStore) {
		for _, key := range []string{"a", "a.", "a0", "b", "b0", "c"} {
			chaintest.Must0(t, kv.Set([]byte(key), []byte("other")))
		}
		grow(t, kv, 100, kvshard.WithPrefix([]byte("a/")))
		grow(t, kv, 120, kvshard.WithPrefix([]byte("b/")))
		for _, p := range []string{"a/", "b/"} {
			tree := chaintest.Must(kvshard.Open(kv, kvshard.WithPrefix([]byte(p))))(t)
			chaintest.Must0(t, tree.Check())
		}
	})
	all := d.records(t)
	for p, want := range alone {
		var got []string
		for _, r := range all {
			if strings.HasPrefix(r, fmt.Sprintf("%x", p)) {
				got = append(got, r)
			}
		}
		chaintest.SameDump(t, p, want, got)
	}
	// A rewind of one tree does not change the other.
	d.deliver(t, func(kv corestore.KVStore) {
		chaintest.Must0(t, chaintest.Must(kvshard.Open(kv, kvshard.WithPrefix([]byte("a/"))))(t).Rewind(5))
	})
	rest := slices.DeleteFunc(d.records(t), func(r string) bool { return strings.HasPrefix(r, fmt.Sprintf("%x", "a/")) })
	was := slices.DeleteFunc(all, func(r string) bool { return strings.HasPrefix(r, fmt.Sprintf("%x", "a/")) })
	chaintest.SameDump(t, "the other tree after a rewind", was, rest)
}

// TestRestart reads the tree from newly opened stores, as a new process would.
func TestRestart(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	for i := range 3 {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(50*i, 33)...)))
	}
	root, size := c.Root()
	hash := bytes.Clone(c.App.LastCommitID().Hash)
	c.Reopen()
	if again, n := c.Root(); again != root || n != size || !bytes.Equal(hash, c.App.LastCommitID().Hash) {
		t.Errorf("root %s of %d, was %s of %d", again, n, root, size)
	}
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, kvshard.Node{1})))
	c.Check()
}
