package tests

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"cosmossdk.io/core/store"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
)

// blockLeaves are appended in a block. Begun at an odd size, no block ends with a
// complete shard.
const blockLeaves = 10

// mostPairs is how many pairs a block hashes besides the climb: 15 of a shard that it
// completes, one a level above, 11 of the newest shard, and one beside the path.
const mostPairs = 15 + kvshard.Depth - 4 + 11 + 1

// BenchmarkBlockAndItsHashes times blocks on cosmos-db's MemDB, and after each block
// the hashes that it computed, by themselves: as many, at the same levels, in batches
// of the same sizes, and the climb to the root as one. They are of other nodes, as a
// block's are of new ones: those of nodes that were just hashed find their points of
// the tables in the cache.
//
// It tells the medians of the block's time and of the hashes', and of the ratios: x for
// all of the block, and x-without-store for what is left without the database's own
// time. Of 13 blocks it leaves out the one that completes a quad, which computes some
// hashes more.
//
//	go test -run '^$' -bench BlockAndItsHashes ./tests
func BenchmarkBlockAndItsHashes(b *testing.B) {
	for _, size := range []uint64{1_001, 1_000_001} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			if size > 1_001 && testing.Short() {
				b.Skip("a tree of a million leaves takes seconds to build")
			}
			benchmarkBlock(b, size)
		})
	}
}

func benchmarkBlock(b *testing.B, size uint64) {
	db := &timedDB{KVStore: dbm.NewMemDB()}
	var hashes uint64
	count := kvshard.WithObserver(func(s kvshard.Stats) { hashes += s.Hashes })
	tree := treetest.Open(b, db, count)
	treetest.Grow(b, tree, size)
	id := uint32(0)
	checkpoint := func() {
		if err := tree.Checkpoint(id); err != nil {
			b.Fatal(err)
		}
		id++
	}
	for range kvshard.DefaultMaxCheckpoints {
		checkpoint()
	}
	fresh := &supply{next: size}

	var blocks, alone, ratios, own []float64
	total := 0
	for b.Loop() {
		hashes, db.spent = 0, 0
		leaves := fresh.take(blockLeaves)
		start := time.Now()
		if _, err := tree.AppendBatch(leaves); err != nil {
			b.Fatal(err)
		}
		checkpoint()
		if _, err := tree.Root(); err != nil {
			b.Fatal(err)
		}
		block, spent, computed := time.Since(start), db.spent, hashes

		frontier, err := tree.Frontier()
		if err != nil {
			b.Fatal(err)
		}
		frontier.Leaf, frontier.Ommers = fresh.take(1)[0], fresh.take(len(frontier.Ommers))
		pairs := fresh.pairs(mostPairs)
		start = time.Now()
		replayed := replayHashes(b, frontier, pairs, blockLeaves)
		took := time.Since(start)
		if total++; replayed != computed {
			continue
		}
		blocks, alone = append(blocks, block.Seconds()), append(alone, took.Seconds())
		ratios = append(ratios, block.Seconds()/took.Seconds())
		own = append(own, (block-spent).Seconds()/took.Seconds())
	}
	if 4*len(blocks) < 3*total {
		b.Fatalf("of %d blocks, only %d computed the hashes that were timed", total, len(blocks))
	}
	b.ReportMetric(1e6*median(blocks), "µs/block")
	b.ReportMetric(1e6*median(alone), "µs/hashes")
	b.ReportMetric(median(ratios), "x")
	b.ReportMetric(median(own), "x-without-store")
}

// replayHashes computes hashes as a block of added leaves does that ends with this
// frontier: those that complete nodes, and those of the root.
func replayHashes(b *testing.B, frontier kvshard.Frontier, pairs [][2]kvshard.Node, added uint64) (hashes uint64) {
	batch := func(level int, count uint64) {
		if count == 0 {
			return
		}
		if _, err := kvshard.CombineBatch(level, pairs[:count]); err != nil {
			b.Fatal(err)
		}
		pairs = pairs[count:]
		hashes += count
	}
	const shardLevel = 4
	size := frontier.Size
	shards := size>>shardLevel - (size-added)>>shardLevel
	for level := range shardLevel {
		batch(level, shards<<(shardLevel-1-level))
	}
	for level := shardLevel; level < kvshard.Depth; level++ {
		batch(level, size>>(level+1)-(size-added)>>(level+1))
	}
	// The newest shard, but for the path of its last leaf.
	inShard := size % (1 << shardLevel)
	for level := range shardLevel {
		batch(level, (inShard-1)>>(level+1))
	}
	// The node of level 6 beside the path is the only one above the shards that no
	// record holds.
	batch(5, size>>6&1)
	if _, err := frontier.Root(); err != nil {
		b.Fatal(err)
	}
	return hashes + kvshard.Depth
}

// A supply gives nodes that it never gave before.
type supply struct{ next uint64 }

func (s *supply) take(count int) []kvshard.Node {
	taken := treetest.LeavesAt(s.next, count)
	s.next += uint64(count)
	return taken
}

func (s *supply) pairs(count int) [][2]kvshard.Node {
	pairs := make([][2]kvshard.Node, count)
	for i := range pairs {
		pairs[i] = [2]kvshard.Node(s.take(2))
	}
	return pairs
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// A timedDB adds up the time that is spent in a store.
type timedDB struct {
	store.KVStore
	spent time.Duration
}

func (db *timedDB) since(start time.Time) { db.spent += time.Since(start) }

func (db *timedDB) Get(key []byte) ([]byte, error) {
	defer db.since(time.Now())
	return db.KVStore.Get(key)
}

func (db *timedDB) Set(key, value []byte) error {
	defer db.since(time.Now())
	return db.KVStore.Set(key, value)
}

func (db *timedDB) Delete(key []byte) error {
	defer db.since(time.Now())
	return db.KVStore.Delete(key)
}

func (db *timedDB) Iterator(start, end []byte) (store.Iterator, error) {
	defer db.since(time.Now())
	it, err := db.KVStore.Iterator(start, end)
	return &timedIterator{it, db}, err
}

type timedIterator struct {
	store.Iterator
	db *timedDB
}

func (it *timedIterator) Next() {
	defer it.db.since(time.Now())
	it.Iterator.Next()
}

func (it *timedIterator) Close() error {
	defer it.db.since(time.Now())
	return it.Iterator.Close()
}
