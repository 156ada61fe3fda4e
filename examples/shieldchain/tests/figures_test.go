package tests

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/internal/dbstore"
	"github.com/kvshard/kvshard/kvtest"
	"github.com/kvshard/kvshard/x/commitment/keeper"
	"github.com/kvshard/kvshard/x/commitment/types"
)

var figures = flag.Bool("figures", false, "measure: takes minutes, on a machine that does nothing else")

// grown starts a chain with a tree of n leaves and 100 checkpoints, imported as
// genesis. It returns how long that took and the most memory used.
func grown(t *testing.T, n int, from *chaintest.Chain, options simtestutil.AppOptionsMap) (*chaintest.Chain, time.Duration, uint64) {
	t.Helper()
	const checkpoints = 100
	home := options["home"].(string)
	out := writeTree(t, n, checkpoints, filepath.Join(home, "config"))
	var state map[string]json.RawMessage
	exported := chaintest.Must(from.App.Export(false, nil))(t)
	chaintest.Must0(t, json.Unmarshal(exported.AppState, &state))
	state[types.ModuleName] = from.App.Codec().MustMarshalJSON(&types.GenesisState{Params: types.DefaultParams(), Tree: out})
	var c *chaintest.Chain
	peak, took := measure(func() {
		c = chaintest.New(t, chaintest.Config{Options: options, From: from, InitialHeight: checkpoints + 1,
			State: chaintest.Must(json.Marshal(state))(t)})
		c.MustBlock()
	})
	return c, took, peak
}

// writeTree writes the records of a tree to a file for genesis.
func writeTree(t *testing.T, n, checkpoints int, dir string) types.GenesisTree {
	t.Helper()
	mem := kvtest.NewMemStore()
	tree := chaintest.Must(kvshard.Open(mem))(t)
	for id := range checkpoints {
		_, err := tree.AppendBatch(chaintest.Leaves(id*n/checkpoints, (id+1)*n/checkpoints-id*n/checkpoints))
		chaintest.Must0(t, err)
		chaintest.Must0(t, tree.Checkpoint(uint32(id+1)))
	}
	name := fmt.Sprintf("grown-%d.kvx", n)
	file := chaintest.Must(os.Create(filepath.Join(dir, name)))(t)
	defer file.Close()
	out := chaintest.Must(keeper.WriteTree(tree, mem, kvshard.DefaultMaxCheckpoints, file))(t)
	out.File = name
	return out
}

// measure returns how long f took, and how far the heap grew meanwhile. The
// collector runs more often than by default, so little garbage counts.
func measure(f func()) (peak uint64, took time.Duration) {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	base, stop, done := stats.HeapAlloc, make(chan struct{}), make(chan struct{})
	var highest atomic.Uint64
	go func() {
		defer close(done)
		for {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			highest.Store(max(highest.Load(), stats.HeapAlloc))
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	began := time.Now()
	f()
	took = time.Since(began)
	close(stop)
	<-done
	return highest.Load() - min(base, highest.Load()), took
}

func diskSize(t *testing.T, dir string) int64 {
	t.Helper()
	return chaintest.Must(dbstore.BytesIn(dir))(t)
}

// TestFigures prints the figures of docs/keeper.md, and those of docs/economics.md that
// are not of the queue.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("-figures is not set")
	}
	home := t.TempDir()
	chaintest.Must0(t, os.Mkdir(filepath.Join(home, "config"), 0o755))
	options := simtestutil.AppOptionsMap{"home": home}
	base := chaintest.New(t, chaintest.Config{Options: options})
	base.MustBlock()
	for _, n := range []int{1000, 1_000_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c, took, peak := grown(t, n, base, options)
			t.Logf("import in %v, heap +%d MiB", took.Round(time.Millisecond), peak>>20)
			c.Reopen()
			stream := chaintest.Must(os.Stat(filepath.Join(home, "config", fmt.Sprintf("grown-%d.kvx", n))))(t).Size()
			size := diskSize(t, c.Dir) - diskSize(t, base.Dir)
			t.Logf("exported: %.1f bytes a leaf, on disk %.1f bytes a leaf", float64(stream)/float64(n), float64(size)/float64(n))
			peak, took = measure(func() { chaintest.Must(c.App.Export(false, nil))(t) })
			t.Logf("export in %v, heap +%d MiB", took.Round(time.Millisecond), peak>>20)
			for _, count := range []int{1, 10, 100, 1000} {
				gasOfAppend(t, c, count)
			}
			for _, txs := range []int{1, 100} {
				shareOfTree(t, c, txs)
			}
			growth(t, c)
		})
	}
}

// gasOfAppend prints the gas of transactions that append, and the module's part
// of it. The transactions go through all places in a shard.
func gasOfAppend(t *testing.T, c *chaintest.Chain, count int) {
	a := c.Accounts[0]
	var whole, module []uint64
	for i := range 16 {
		leaves := chaintest.Leaves(2_000_000+1000*i, count)
		ctx := c.Context().WithGasMeter(storetypes.NewInfiniteGasMeter())
		_, _, err := c.App.Commitment.Append(ctx, "", chaintest.Append(a, leaves...).Commitments)
		chaintest.Must0(t, err)
		module = append(module, ctx.GasMeter().GasConsumed())
		r := c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, leaves...)))
		whole = append(whole, uint64(r.TxResults[0].GasUsed))
	}
	slices.Sort(whole)
	slices.Sort(module)
	t.Logf("MsgAppend of %d: gas %d to %d, median %d; of which the module %d to %d, median %d",
		count, whole[0], whole[15], whole[8], module[0], module[15], module[8])
}

// shareOfTree prints how long a block takes to execute and to commit if its
// transactions bring 10 leaves each. It compares that with the tree's calls
// alone on the same state, and with a block of as many transactions that append
// nothing.
func shareOfTree(t *testing.T, c *chaintest.Chain, txs int) {
	a := c.Accounts[0]
	var executed, tree, committed, without []time.Duration
	for round := range 41 {
		var block, idle [][]byte
		var batches [][]kvshard.Node
		for i := range txs {
			batches = append(batches, chaintest.Leaves(3_000_000+10_000*round+100*i, 10))
			block = append(block, c.Tx(a, plenty, chaintest.Append(a, batches[i]...)))
		}
		tree = append(tree, stopwatch(func() {
			kv := chaintest.CoreStore{KVStore: c.Context().KVStore(c.App.StoreKey(types.StoreKey))}
			for _, batch := range batches {
				chaintest.Must(chaintest.Must(kvshard.Open(kv))(t).AppendBatch(batch))(t)
			}
			open := chaintest.Must(kvshard.Open(kv))(t)
			chaintest.Must0(t, open.Checkpoint(uint32(c.Height()+1)))
			chaintest.Must(open.Root())(t)
		}))
		executed = append(executed, stopwatch(func() { c.Finalize(block...) }))
		committed = append(committed, stopwatch(c.Commit))
		for range txs {
			idle = append(idle, c.Tx(a, plenty, chaintest.Append(a)))
		}
		c.Finalize(idle...)
		without = append(without, stopwatch(c.Commit))
	}
	t.Logf("block of %d transactions of 10: executed in %v, the tree alone in %v; committed in %v, without appends in %v",
		txs, median(executed), median(tree), median(committed), median(without))
}

func stopwatch(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2].Round(time.Microsecond)
}

// growth prints by how much the disk grows when all versions are kept.
func growth(t *testing.T, c *chaintest.Chain) {
	const blocks = 500
	a := c.Accounts[0]
	disk := func() int64 { c.Reopen(); return diskSize(t, c.Dir) }
	before := disk()
	for i := range blocks {
		c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(5_000_000+100*i, 10)...)))
	}
	middle := disk()
	for range blocks {
		c.Block(c.Tx(a, plenty, chaintest.Append(a)))
	}
	t.Logf("a block of one transaction of 10, all versions kept: %d bytes on disk, %d without appends",
		(middle-before)/blocks, (disk()-middle)/blocks)
}

// TestFiguresOfTheQueue prints what a transaction that queues costs, and how long EndBlock
// takes over a queue that fills the default bound, over one that is far above it, and over
// what waits: the figures of docs/economics.md.
func TestFiguresOfTheQueue(t *testing.T) {
	if !*figures {
		t.Skip("-figures is not set")
	}
	params := withMode(types.Queue)
	c := chaintest.New(t, chaintest.Config{Params: params})
	c.MustBlock()
	for _, count := range []int{1, 10, 100, 1000} {
		gasOfAppend(t, c, count)
	}
	for _, count := range []int{1, 10, 1000} {
		var times []time.Duration
		for round := range 5 {
			ctx := c.Context().WithBlockHeight(c.Height() + 1)
			queued := 0
			for i := 0; queued < int(params.MaxQueuedPerBlock); i++ {
				leaves := chaintest.Leaves(100_000*round+queued, min(count, int(params.MaxQueuedPerBlock)-queued))
				_, _, err := c.App.Commitment.Append(ctx.WithTxIndex(i), "", chaintest.Append(c.Accounts[0], leaves...).Commitments)
				chaintest.Must0(t, err)
				queued += len(leaves)
			}
			times = append(times, stopwatch(func() { chaintest.Must0(t, c.App.Commitment.EndBlock(ctx)) }))
		}
		t.Logf("EndBlock of %d commitments queued in calls of %d: %v", params.MaxQueuedPerBlock, count, median(times))
	}
	// Transactions of 100 messages of 10.
	const txs, messages, each = 100, 100, 10
	a := c.Accounts[0]
	var block [][]byte
	for i := range txs {
		var msgs []sdk.Msg
		for j := range messages {
			msgs = append(msgs, chaintest.Append(a, chaintest.Leaves(10_000_000+1000*i+each*j, each)...))
		}
		block = append(block, c.Tx(a, plenty, msgs...))
	}
	var r *abci.ResponseFinalizeBlock
	executed := stopwatch(func() { r = c.Finalize(block...) })
	for _, tx := range r.TxResults {
		if tx.Code != 0 {
			t.Fatal(tx.Log)
		}
	}
	committed := stopwatch(c.Commit)
	t.Logf("a block of %d commitments in calls of %d: executed in %v, of which %d wait; committed in %v",
		txs*messages*each, each, executed.Round(time.Millisecond), waiting(c).Waiting, committed.Round(time.Millisecond))
	for waiting(c).Waiting > 0 {
		before := waiting(c).Waiting
		executed := stopwatch(func() { c.Finalize() })
		committed := stopwatch(c.Commit)
		t.Logf("a block without transactions, %d wait: executed in %v, committed in %v", before, executed.Round(time.Millisecond), committed.Round(time.Millisecond))
	}
}

// TestContention prints the cost of blocks whose transactions all append. The
// chains take turns, so other load on the machine affects all alike.
func TestContention(t *testing.T) {
	if !*figures {
		t.Skip("-figures is not set")
	}
	const accounts, rounds = 200, 15
	type run struct {
		name  string
		chain *chaintest.Chain
		times []time.Duration
	}
	var runs []*run
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		for _, executor := range []string{"sequential", "block-stm"} {
			c := chaintest.New(t, chaintest.Config{Accounts: accounts, Params: withMode(mode), Options: executors[executor]})
			runs = append(runs, &run{name: fmt.Sprintf("%s, %s", mode, executor), chain: c})
		}
	}
	for round := range rounds {
		for _, run := range runs {
			c := run.chain
			var txs [][]byte
			for i, a := range c.Accounts {
				txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100_000*round+20*i, 10)...)))
			}
			var r *abci.ResponseFinalizeBlock
			run.times = append(run.times, stopwatch(func() { r = c.Finalize(txs...) }))
			c.Commit()
			for _, tx := range r.TxResults {
				if tx.Code != 0 {
					t.Fatal(tx.Log)
				}
			}
		}
	}
	for _, run := range runs {
		t.Logf("%s: a block of %d transactions of 10 leaves executes in %v", run.name, accounts, median(run.times))
	}
}
