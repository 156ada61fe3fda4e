package tests

import (
	"testing"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// BenchmarkAdopt times the adoption of a plain ShardTree's store and, in turns
// with it, the hashes of its leaves alone. It reports the ratio of the two.
func BenchmarkAdopt(b *testing.B) {
	const leaves = 1_000_000
	b.Run("Orchard", func(b *testing.B) {
		own := kvtest.NewMemStore()
		tree := treetest.Open(b, own)
		treetest.Grow(b, tree, leaves)
		root := must(tree.Root())
		adopt := func(kv store.KVStore) error {
			_, err := treetest.Open(b, kv).Adopt(root)
			return err
		}
		hash := func(level int, children []kvshard.Node) ([]kvshard.Node, error) {
			pairs := make([][2]kvshard.Node, len(children)/2)
			for i := range pairs {
				pairs[i] = [2]kvshard.Node{children[2*i], children[2*i+1]}
			}
			return kvshard.CombineBatch(level, pairs)
		}
		besideHashes(b, own, adopt, treetest.LeavesAt(0, leaves), hash)
	})
	b.Run("VotePoseidon", func(b *testing.B) {
		own := kvtest.NewMemStore()
		scheme := hashtree.VotePoseidon()
		tree := must(hashtree.Open(own, scheme))
		list := make([]hashtree.Node, leaves)
		for i, leaf := range treetest.LeavesAt(0, leaves) {
			list[i] = hashtree.Node(leaf)
		}
		if _, err := tree.AppendBatch(list); err != nil {
			b.Fatal(err)
		}
		root := must(tree.Root())
		adopt := func(kv store.KVStore) error {
			_, err := must(hashtree.Open(kv, scheme)).Adopt(root)
			return err
		}
		besideHashes(b, own, adopt, list, scheme.CombineBatch)
	})
}

func besideHashes[N any](b *testing.B, own *kvtest.MemStore, adopt func(store.KVStore) error, leaves []N, hash func(int, []N) ([]N, error)) {
	var adopting, hashing time.Duration
	for b.Loop() {
		plain := dbm.NewMemDB()
		for _, pair := range plainShardTree(own, nil).Dump() {
			if err := plain.Set(pair.Key, pair.Value); err != nil {
				b.Fatal(err)
			}
		}
		start := time.Now()
		if err := adopt(plain); err != nil {
			b.Fatal(err)
		}
		adopting += time.Since(start)
		start = time.Now()
		row := leaves
		for level := 0; len(row) > 1; level++ {
			if len(row)%2 == 1 {
				row = append(row[:len(row):len(row)], row[len(row)-1]) // any node will do
			}
			row = must(hash(level, row))
		}
		hashing += time.Since(start)
	}
	b.ReportMetric(adopting.Seconds()/hashing.Seconds(), "x-hashing")
	b.ReportMetric(hashing.Seconds()*1e6/float64(b.N)/float64(len(leaves)), "µs/leaf-hashed")
}
