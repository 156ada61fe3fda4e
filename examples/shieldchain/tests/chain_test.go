package tests

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"

	corestore "cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/runtime"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/examples/shieldchain/internal/chaintest"
	"github.com/kvshard/kvshard/x/commitment/types"
)

// TestOutOfGasTransactions sends a transaction for each gas limit, from where
// its message begins to where the message is done. All fail as any transaction
// of the SDK does, with the SDK's code and the charge's name. The tree stays as
// it is, and the node goes on.
func TestOutOfGasTransactions(t *testing.T) {
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		t.Run(mode.String(), func(t *testing.T) {
			params := withMode(mode)
			params.GasPerQueued = 10
			c := chaintest.New(t, chaintest.Config{Params: params})
			a := c.Accounts[0]
			c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(0, 50)...)))
			for a.Sequence < 128 { // so that all transactions have one length
				var txs [][]byte
				for range 63 {
					txs = append(txs, c.Tx(a, plenty, chaintest.Append(a)))
				}
				c.Block(txs...)
			}
			msg := chaintest.Append(a, chaintest.Leaves(1000, 10)...)
			// A transaction that fails at once shows where the message begins.
			start := uint64(c.Block(c.Tx(a, plenty, chaintest.Append(a))).TxResults[0].GasUsed)
			// The same transaction on a branch that is dropped shows where it
			// ends.
			info, _, err := c.App.Simulate(c.Sign(a, plenty, msg))
			chaintest.Must0(t, err)
			need := info.GasUsed
			start += 10 * uint64(10*(32+2)+10) // bytes of the commitments
			before := c.Dump()

			step := uint64(1)
			if testing.Short() {
				step = 61
			}
			limit, failed := start, 0
			names := map[string]int{}
			for done := false; !done; {
				var txs [][]byte
				var limits []uint64
				for range 1000 {
					if limit >= need-20 { // Simulate's transaction may be a byte or two longer
						done = true
						break
					}
					limits = append(limits, limit)
					txs = append(txs, c.Tx(a, limit, msg))
					limit += step
				}
				for i, r := range c.Block(txs...).TxResults {
					_, name, found := strings.Cut(r.Log, "out of gas in location: ")
					name, _, _ = strings.Cut(name, ";")
					if r.Code != 11 || r.Codespace != "sdk" || !found || r.GasUsed <= int64(limits[i]) {
						t.Fatalf("limit %d: code %d of %s, gas %d: %s", limits[i], r.Code, r.Codespace, r.GasUsed, r.Log)
					}
					names[name]++
					failed++
				}
			}
			chaintest.SameDump(t, "after all limits", before, c.Dump())
			t.Logf("%d limits from %d to %d: %v", failed, start, limit, names)
			// From this limit on the transaction has enough.
			a0, ok := limit, false
			for ; limit < a0+200 && !ok; limit++ {
				ok = c.Block(c.Tx(a, limit, msg)).TxResults[0].Code == 0
			}
			if !ok {
				t.Errorf("no success up to a limit of %d", limit)
			}
			if _, size := c.Root(); size != 60 {
				t.Errorf("%d leaves", size)
			}
			c.Check()
		})
	}
}

// TestParallel runs CheckTx, simulations and queries, also at old heights,
// beside blocks, on one keeper. It is most useful under the race detector.
func TestParallel(t *testing.T) {
	for executor, options := range executors {
		t.Run(executor, func(t *testing.T) {
			c := chaintest.New(t, chaintest.Config{Accounts: 6, Options: options})
			leaves := chaintest.Leaves(0, 400)
			c.MustBlock(c.Tx(c.Accounts[0], plenty, chaintest.Append(c.Accounts[0], leaves[:100]...)))
			first, _ := c.Root()
			var mempool sync.RWMutex // CometBFT locks it while it commits
			var stop atomic.Bool
			var group sync.WaitGroup
			var counts [3]atomic.Int64
			var torn atomic.Int64
			beside := func(kind int, f func(i int) error) {
				group.Go(func() {
					for i := 0; !stop.Load(); i++ {
						if err := f(i); err != nil {
							t.Error(err)
							return
						}
						counts[kind].Add(1)
					}
				})
			}
			checked := c.Sign(c.Accounts[4], plenty, chaintest.Append(c.Accounts[4], leaves[:3]...))
			simulated := c.Sign(c.Accounts[5], plenty, chaintest.Append(c.Accounts[5], leaves[:20]...))
			beside(0, func(int) error {
				mempool.RLock()
				defer mempool.RUnlock()
				r, err := c.App.CheckTx(&abci.RequestCheckTx{Tx: checked, Type: abci.CheckTxType_Recheck})
				// Code 32: the transaction was checked before, with no commit
				// in between.
				if err == nil && r.Code != 0 && r.Code != 32 {
					err = fmt.Errorf("CheckTx: code %d: %s", r.Code, r.Log)
				}
				return err
			})
			beside(1, func(int) error {
				mempool.RLock()
				defer mempool.RUnlock()
				_, _, err := c.App.Simulate(simulated)
				if errors.Is(err, kvshard.ErrCorrupt) {
					torn.Add(1) // see TestTornState
					return nil
				}
				return err
			})
			for range 2 {
				beside(2, func(i int) error {
					var w types.QueryWitnessResponse
					position := uint64(i % 100)
					if err := c.Query(1, "Witness", &types.QueryWitnessRequest{Position: position}, &w); err != nil {
						return err
					}
					if !bytes.Equal(w.Root, first[:]) || !bytes.Equal(w.Leaf, leaves[position][:]) {
						return fmt.Errorf("position %d at height 1 answers %v", position, w)
					}
					return c.Query(0, "Root", &types.QueryRootRequest{}, &types.QueryRootResponse{})
				})
			}
			for i := range 30 {
				var txs [][]byte
				for j, a := range c.Accounts[:4] {
					txs = append(txs, c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(1000+100*i+10*j, 5)...)))
				}
				for k, r := range c.Finalize(txs...).TxResults {
					if r.Code != 0 {
						t.Errorf("block %d, transaction %d: %s", i, k, r.Log)
					}
				}
				mempool.Lock()
				c.Commit()
				mempool.Unlock()
			}
			stop.Store(true)
			group.Wait()
			if _, size := c.Root(); size != 100+30*4*5 {
				t.Errorf("%d leaves", size)
			}
			c.Check()
			t.Logf("%d CheckTx, %d simulations (%d of a torn state), %d queries", counts[0].Load(), counts[1].Load(), torn.Load(), counts[2].Load())
			for kind := range counts {
				if counts[kind].Load() == 0 {
					t.Errorf("nothing of kind %d ran", kind)
				}
			}
		})
	}
}

// A pausedStore lets a test act between two reads.
type pausedStore struct {
	corestore.KVStore
	gets   int
	before func(get int)
}

func (s *pausedStore) Get(key []byte) ([]byte, error) {
	s.gets++
	s.before(s.gets)
	return s.KVStore.Get(key)
}

// TestTornState: simulations read, without a lock, the store into which
// FinalizeBlock writes an executed block. A simulation at that moment sees a
// state that never was. A tree with records of two times is an error, which
// fails the simulation and nothing else.
func TestTornState(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	c.MustBlock(c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(0, 100)...)))
	block := c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100, 600)...))

	simulated := c.App.NewContext(true)
	kv := runtime.NewKVStoreService(c.App.StoreKey(types.StoreKey)).OpenKVStore(simulated)
	tree := chaintest.Must(kvshard.Open(&pausedStore{kv, 0, func(get int) {
		if get == 2 { // it has the tip's record
			c.Finalize(block)
		}
	}}))(t)
	if _, err := tree.AppendBatch(chaintest.Leaves(500, 600)); !errors.Is(err, kvshard.ErrCorrupt) {
		t.Errorf("a tip of 100 leaves beside records of 700: %v", err)
	}
	c.Commit()
	if _, size := c.Root(); size != 700 {
		t.Errorf("%d leaves", size)
	}
	c.Check()
}

// TestRollbackAndReplay takes back two versions and executes the blocks again.
func TestRollbackAndReplay(t *testing.T) {
	c := chaintest.New(t, chaintest.Config{})
	a := c.Accounts[0]
	var blocks [][]byte
	var hashes [][]byte
	var dumps [][]string
	for i := range 8 {
		tx := c.Tx(a, plenty, chaintest.Append(a, chaintest.Leaves(100*i, 40)...))
		blocks = append(blocks, tx)
		hashes = append(hashes, bytes.Clone(c.MustBlock(tx).AppHash))
		dumps = append(dumps, c.Dump())
	}
	for _, back := range []int{7, 5} {
		c.Rollback(int64(back))
		chaintest.SameDump(t, fmt.Sprintf("rolled back to %d", back), dumps[back-1], c.Dump())
		c.Check()
		for i := back; i < len(blocks); i++ {
			if hash := c.MustBlock(blocks[i]).AppHash; !bytes.Equal(hash, hashes[i]) {
				t.Errorf("replay of block %d: hash %x, was %x", i+1, hash, hashes[i])
			}
			chaintest.SameDump(t, fmt.Sprintf("replay of block %d", i+1), dumps[i], c.Dump())
		}
	}
}

// TestExecutorsAgree fills blocks with transactions that all touch the same
// records; some of them fail. Under block-STM they conflict and run again, and
// get the same results as one by one.
func TestExecutorsAgree(t *testing.T) {
	const accounts, rounds = 40, 4
	for _, mode := range []types.AppendMode{types.Direct, types.Queue} {
		t.Run(mode.String(), func(t *testing.T) {
			var hashes [2][][]byte
			var results [2][]string
			for e, executor := range []string{"sequential", "block-stm"} {
				c := chaintest.New(t, chaintest.Config{Accounts: accounts, Params: withMode(mode), Options: executors[executor]})
				for round := range rounds {
					var txs [][]byte
					for i, a := range c.Accounts {
						gas := uint64(plenty)
						switch i % 7 {
						case 3:
							gas = 40_000 + uint64(i)*300 // some of these do not suffice
						case 5:
							txs = append(txs, c.Tx(a, gas, chaintest.Append(a, kvshard.Node{31: 0xFF})))
							continue
						}
						txs = append(txs, c.Tx(a, gas, chaintest.Append(a, chaintest.Leaves(1000*round+20*i, 1+i%5)...)))
					}
					r := c.Block(txs...)
					hashes[e] = append(hashes[e], bytes.Clone(r.AppHash))
					for _, tx := range r.TxResults {
						results[e] = append(results[e], fmt.Sprintf("%d %s %d %x", tx.Code, tx.Codespace, tx.GasUsed, tx.Data))
					}
				}
				c.Check()
			}
			for round := range rounds {
				if !bytes.Equal(hashes[0][round], hashes[1][round]) {
					t.Errorf("round %d: hashes %x and %x", round, hashes[0][round], hashes[1][round])
				}
			}
			failed := 0
			for i := range results[0] {
				if results[0][i] != results[1][i] {
					t.Errorf("transaction %d: %s and %s", i, results[0][i], results[1][i])
				}
				if !strings.HasPrefix(results[0][i], "0 ") {
					failed++
				}
			}
			if failed < rounds*accounts/7 {
				t.Errorf("only %d transactions failed", failed)
			}
		})
	}
}
