package tests

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/examples/shieldchain/x/commitment/keeper"
	"github.com/kvshard/kvshard/examples/shieldchain/x/commitment/types"
	"github.com/kvshard/kvshard/kvtest"
)

var figures = flag.Bool("figures", false, "measure: takes minutes, on a machine that does nothing else")

// grown starts a chain with a tree of n leaves and 100 checkpoints, which it
// imports as genesis, and tells how long that took and the most memory used.
func grown(t *testing.T, n int, from *chaintest.Chain, options simtestutil.AppOptionsMap) (*chaintest.Chain, time.Duration, uint64) {
	t.Helper()
	const checkpoints = 100
	home := options["home"].(string)
	out := writeTree(t, n, checkpoints, filepath.Join(home, "config"))
	params := types.DefaultParams()
	var state map[string]json.RawMessage
	exported := chaintest.Must(from.App.Export(false, nil))(t)
	chaintest.Must0(t, json.Unmarshal(exported.AppState, &state))
	state[types.ModuleName] = chaintest.Must(json.Marshal(keeper.GenesisState{
		Params: from.App.Codec().MustMarshalJSON(&params), Tree: out,
	}))(t)
	var c *chaintest.Chain
	peak, took := measure(func() {
		c = chaintest.New(t, chaintest.Config{Options: options, From: from, InitialHeight: checkpoints + 1,
			State: chaintest.Must(json.Marshal(state))(t)})
		c.MustBlock()
	})
	return c, took, peak
}

// writeTree writes the records of a tree to a file for genesis.
func writeTree(t *testing.T, n, checkpoints int, dir string) keeper.GenesisTree {
	t.Helper()
	mem := kvtest.NewMemStore()
	tree := chaintest.Must(kvshard.Open(mem))(t)
	for id := range checkpoints {
		_, err := tree.AppendBatch(chaintest.Leaves(id*n/checkpoints, (id+1)*n/checkpoints-id*n/checkpoints))
		chaintest.Must0(t, err)
		chaintest.Must0(t, tree.Checkpoint(uint32(id+1)))
	}
	name := fmt.Sprintf("grown-%d.records", n)
	file := chaintest.Must(os.Create(filepath.Join(dir, name)))(t)
	defer file.Close()
	out := chaintest.Must(keeper.WriteRecords(mem, file))(t)
	out.Root, out.Size, out.File = chaintest.Must(tree.Root())(t).String(), uint64(n), name
	return out
}

// measure tells how long f took, and how far the heap grew meanwhile.
func measure(f func()) (peak uint64, took time.Duration) {
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

func diskSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	chaintest.Must0(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += info.Size()
		return err
	}))
	return size
}

// TestFigures prints what is written down in docs/keeper.md.
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
		c, took, peak := grown(t, n, base, options)
		size := diskSize(t, c.Dir)
		t.Logf("%d leaves: import in %v, heap +%d MiB; %d bytes on disk, %.1f a leaf", n, took.Round(time.Millisecond), peak>>20, size, float64(size)/float64(n))
		peak, took = measure(func() { chaintest.Must(c.App.Export(false, nil))(t) })
		t.Logf("%d leaves: export in %v, heap +%d MiB", n, took.Round(time.Millisecond), peak>>20)
		a := c.Accounts[0]
		for _, count := range []int{1, 10, 100} {
			empty := c.Block(c.Tx(a, plenty, chaintest.Append(a))).TxResults[0].GasUsed
			var used []int64
			for i := range 16 {
				used = append(used, c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(2_000_000+1000*i, count)...))).TxResults[0].GasUsed)
			}
			slices.Sort(used)
			t.Logf("%d leaves: MsgAppend of %d: gas %d to %d, median %d, of which %d without the tree and the bytes of the message", n, count, used[0], used[15], used[8], empty)
		}
		// Share of the tree in a block of 100 transactions with 10 leaves each.
		var txs [][]byte
		for i := range 100 {
			txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(3_000_000+100*i, 10)...)))
		}
		began := time.Now()
		c.Finalize(txs...)
		executed := time.Since(began)
		began = time.Now()
		c.Commit()
		committed := time.Since(began)
		began = time.Now()
		ctx := c.Context()
		tree := chaintest.Must(c.App.Commitment.Tree(ctx))(t)
		for i := range 100 {
			chaintest.Must(tree.AppendBatch(chaintest.Leaves(4_000_000+100*i, 10)))(t)
		}
		chaintest.Must0(t, tree.Checkpoint(1<<31))
		chaintest.Must(tree.Root())(t)
		t.Logf("%d leaves: block of 100 transactions of 10: executed in %v, of which the tree %v; committed in %v", n,
			executed.Round(time.Microsecond), time.Since(began).Round(time.Microsecond), committed.Round(time.Microsecond))
	}
}

// TestContention prints what blocks cost whose transactions all append.
func TestContention(t *testing.T) {
	if !*figures {
		t.Skip("-figures is not set")
	}
	const accounts, rounds = 200, 5
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		for _, executor := range []string{"sequential", "block-stm"} {
			c := chaintest.New(t, chaintest.Config{Accounts: accounts, Params: withMode(mode), Options: executors[executor]})
			var times []time.Duration
			for round := range rounds {
				var txs [][]byte
				for i, a := range c.Accounts {
					txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100_000*round+20*i, 10)...)))
				}
				began := time.Now()
				r := c.Finalize(txs...)
				times = append(times, time.Since(began))
				c.Commit()
				for _, tx := range r.TxResults {
					if tx.Code != 0 {
						t.Fatal(tx.Log)
					}
				}
			}
			slices.Sort(times)
			t.Logf("%s, %s: a block of %d transactions of 10 leaves executes in %v", mode, executor, accounts, times[rounds/2].Round(100*time.Microsecond))
		}
	}
}
