package tests

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/dbstore"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// BenchmarkTree times the calls on trees of 1,000 and of 1,000,000 leaves with
// 100 checkpoints, as many as are kept. It uses cosmos-db's MemDB, goleveldb as
// it is, and goleveldb with a synced batch for each block:
//
//	go test -run '^$' -bench Tree/size=1000/
func BenchmarkTree(b *testing.B) {
	for _, size := range []uint64{1_000, 1_000_000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			if size > 1_000 && testing.Short() {
				b.Skip("a tree of a million leaves takes seconds to build")
			}
			full := kvtest.NewMemStore()
			tree := treetest.Open(b, full)
			treetest.Grow(b, tree, size)
			for id := range uint32(kvshard.DefaultMaxCheckpoints) {
				if err := tree.Checkpoint(id); err != nil {
					b.Fatal(err)
				}
			}
			records := full.Dump()
			b.Run("db=memdb", func(b *testing.B) { benchmarkTree(b, dbm.NewMemDB(), records, size) })
			b.Run("db=goleveldb", func(b *testing.B) {
				db, err := dbm.NewGoLevelDB("tree", b.TempDir(), nil)
				if err != nil {
					b.Fatal(err)
				}
				defer db.Close()
				benchmarkTree(b, db, records, size)
			})
		})
	}
}

// benchmarkTree times the calls in a database that first gets these records, a
// tree of size leaves.
func benchmarkTree(b *testing.B, db dbm.DB, records []kvtest.Pair, size uint64) {
	fill := db.NewBatch()
	for _, record := range records {
		if err := fill.Set(record.Key, record.Value); err != nil {
			b.Fatal(err)
		}
	}
	if err := fill.WriteSync(); err != nil {
		b.Fatal(err)
	}
	id := uint32(kvshard.DefaultMaxCheckpoints)
	leaves := treetest.LeavesAt(0, 10)
	random := rand.New(rand.NewPCG(1, 1))
	tree := treetest.Open(b, db)
	call := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}

	call("root", func() error { _, err := tree.Root(); return err })
	call("witness", func() error { _, err := tree.Witness(random.Uint64N(size)); return err })
	call("witness-at", func() error { _, err := tree.WitnessAt(random.Uint64N(size), id-1); return err })
	call("append", func() error { _, err := tree.Append(leaves[0]); return err })
	block := func(tree *kvshard.Tree) error {
		if _, err := tree.AppendBatch(leaves); err != nil {
			return err
		}
		if err := tree.Checkpoint(id); err != nil {
			return err
		}
		id++
		_, err := tree.Root()
		return err
	}
	call("block", func() error { return block(tree) })
	synced := dbstore.New(db)
	call("block-synced", func() error {
		return synced.Do(func(kv store.KVStore) error { return block(treetest.Open(b, kv)) })
	})
}

// BenchmarkCombine times the hash through the boundary: a single pair, and one pair within batches.
// docs/HASH.md has its figures: make benchmarks-hash reads what it prints.
func BenchmarkCombine(b *testing.B) {
	perPair := func(b *testing.B, pairs int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(pairs), "ns/pair")
	}
	combined(b, 5, treetest.LeafAt(1), treetest.LeafAt(2)) // the first one builds the tables
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			combined(b, 5, treetest.LeafAt(1), treetest.LeafAt(2))
		}
		perPair(b, 1)
	})
	for _, n := range []int{2, 16, 64, 256, 1024, 16384} {
		pairs := make([][2]kvshard.Node, n)
		for i := range pairs {
			pairs[i] = [2]kvshard.Node{treetest.LeafAt(uint64(i)), treetest.LeafAt(uint64(n + i))}
		}
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := kvshard.CombineBatch(5, pairs); err != nil {
					b.Fatal(err)
				}
			}
			perPair(b, n)
		})
	}
}
