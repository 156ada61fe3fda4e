package kvshard_test

import (
	"errors"
	"fmt"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
)

// must is for examples. A keeper returns errors.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func ExampleTree() {
	store := dbm.NewMemDB() // in a keeper: storeService.OpenKVStore(ctx)
	tree := must(kvshard.Open(store))

	notes := []kvshard.Node{{1}, {2}, {3}}
	first := must(tree.AppendBatch(notes))
	if err := tree.Checkpoint(100); err != nil { // say, the height of the block
		panic(err)
	}
	fmt.Println("first position:", first, "size:", must(tree.Size()))

	root := must(tree.RootAt(100))
	witness := must(tree.WitnessAt(first+1, 100))
	fmt.Println("proven:", witness.Verify(root, notes[1]) == nil)
	fmt.Println("another leaf:", witness.Verify(root, notes[2]) == nil)
	// Output:
	// first position: 0 size: 3
	// proven: true
	// another leaf: false
}

// The root of a tree without leaves is a constant of Orchard.
func ExampleEmptyRoot() {
	tree := must(kvshard.Open(dbm.NewMemDB()))
	fmt.Println(must(tree.Root()))
	fmt.Println(must(tree.Root()) == must(kvshard.EmptyRoot(kvshard.Depth)))
	// Output:
	// ae2935f1dfd8a24aed7c70df7de3a668eb7a49b1319880dde2bbd9031ae5d82f
	// true
}

// The parent of two leaves, as zcash-test-vectors has it.
func ExampleCombine() {
	left := must(kvshard.ParseNode("3dc166d56a1d62f5a8d7551db5fd9313e8c7203d996af7d477083756d59af80d"))
	right := must(kvshard.ParseNode("495c222f7fba1e31defa3d5a57efc2e1e9b01a035587d5fb1a38e01d94903d3c"))
	fmt.Println(must(kvshard.Combine(0, left, right)))
	// Output:
	// 00c3a00a20928c95bbcad3389e0b5f28045d55c16efbcf61ce304b35a0591604
}

// A tree of depth 4 with four leaves, row by row. The leaves and the root are those
// of zcash-test-vectors.
func ExampleCombineBatch() {
	row := []kvshard.Node{
		must(kvshard.ParseNode("3dc166d56a1d62f5a8d7551db5fd9313e8c7203d996af7d477083756d59af80d")),
		must(kvshard.ParseNode("495c222f7fba1e31defa3d5a57efc2e1e9b01a035587d5fb1a38e01d94903d3c")),
		must(kvshard.ParseNode("e2885315eb4671098b79535e790fe53e29fef2b3766697ac32b4f473f468a008")),
		must(kvshard.ParseNode("4b192232ecb9f0c02411e52596bc5e90457e745939ffedbd12863ce71a02af11")),
	}
	for level := range 4 {
		var pairs [][2]kvshard.Node
		for i := 0; i < len(row); i += 2 {
			pair := [2]kvshard.Node{row[i], must(kvshard.EmptyRoot(level))}
			if i+1 < len(row) {
				pair[1] = row[i+1]
			}
			pairs = append(pairs, pair)
		}
		row = must(kvshard.CombineBatch(level, pairs))
	}
	fmt.Println(row[0])
	// Output:
	// 973353ab56aa7ef9440e0f75c35ea480ad34f4e5da534a56236e1409c0593911
}

// A keeper that lives as long as the application keeps one Tree, and sets the
// store of the context before it uses it.
func ExampleNew() {
	proxy := kvshard.NewStoreProxy(nil)
	tree := must(kvshard.New(proxy))

	block, query := dbm.NewMemDB(), dbm.NewMemDB()
	proxy.SetStore(block)
	must(tree.Append(kvshard.Node{1}))
	fmt.Println(must(tree.Size()))
	proxy.SetStore(query)
	fmt.Println(must(tree.Size()))
	// Output:
	// 1
	// 0
}

// Two trees in one store, each under a prefix of its own.
func ExampleWithPrefix() {
	store := dbm.NewMemDB()
	notes := must(kvshard.Open(store, kvshard.WithPrefix([]byte("notes/"))))
	votes := must(kvshard.Open(store, kvshard.WithPrefix([]byte("votes/"))))
	must(notes.AppendBatch(make([]kvshard.Node, 20)))
	must(votes.Append(kvshard.Node{7}))
	fmt.Println(must(notes.Size()), must(votes.Size()))
	// Output: 20 1
}

// The store charges gas for its operations; a keeper charges for hashes.
func ExampleWithObserver() {
	tree := must(kvshard.Open(dbm.NewMemDB(), kvshard.WithObserver(func(s kvshard.Stats) {
		fmt.Println(s.Op, "hashed:", s.Hashes > 0) // ctx.GasMeter().ConsumeGas(gasPerHash*s.Hashes, s.Op)
	})))
	must(tree.Size())
	must(tree.AppendBatch(make([]kvshard.Node, 64)))
	// Output:
	// Size hashed: false
	// AppendBatch hashed: true
}

func ExampleTree_Rewind() {
	tree := must(kvshard.Open(dbm.NewMemDB()))
	for height := range uint32(3) {
		must(tree.AppendBatch(make([]kvshard.Node, 10)))
		if err := tree.Checkpoint(height); err != nil {
			panic(err)
		}
	}
	if err := tree.Rewind(1); err != nil {
		panic(err)
	}
	for checkpoint, err := range tree.Checkpoints() {
		fmt.Println(checkpoint.ID, checkpoint.Size, err)
	}
	// Output:
	// 0 10 <nil>
	// 1 20 <nil>
}

// Another tree goes on from the first one's frontier, without its leaves.
func ExampleTree_InsertFrontier() {
	first := must(kvshard.Open(dbm.NewMemDB()))
	must(first.AppendBatch(make([]kvshard.Node, 1000)))

	second := must(kvshard.Open(dbm.NewMemDB()))
	if err := second.InsertFrontier(must(first.Frontier()), 0); err != nil {
		panic(err)
	}
	must(first.Append(kvshard.Node{5}))
	position := must(second.Append(kvshard.Node{5}))
	fmt.Println("position:", position)
	fmt.Println("same root:", must(first.Root()) == must(second.Root()))
	_, err := second.Witness(3)
	fmt.Println("old leaf was not kept:", errors.Is(err, kvshard.ErrPruned))
	// Output:
	// position: 1000
	// same root: true
	// old leaf was not kept: true
}

func ExampleError() {
	tree := must(kvshard.Open(dbm.NewMemDB()))
	_, err := tree.AppendBatch([]kvshard.Node{{1}, {31: 0xFF}})
	var e *kvshard.Error
	if errors.As(err, &e) && errors.Is(err, kvshard.ErrInvalidNode) {
		fmt.Println(e.Op, "refuses the leaf at index", e.Index)
	}
	// Output: AppendBatch refuses the leaf at index 1
}

// A copy of a tree, record by record, into another store.
func ExampleRecords() {
	from, to := dbm.NewMemDB(), dbm.NewMemDB()
	tree := must(kvshard.Open(from))
	must(tree.AppendBatch(make([]kvshard.Node, 20)))

	for record, err := range kvshard.Records(from) {
		if err != nil {
			panic(err)
		}
		fmt.Println(record.Name(), len(record.Value))
		if err := kvshard.WriteRecord(to, record); err != nil {
			panic(err)
		}
	}
	copied := must(kvshard.Open(to))
	fmt.Println("sound:", copied.Check() == nil, "same root:", must(copied.Root()) == must(tree.Root()))
	// Output:
	// shard(0) 575
	// shard(1) 149
	// tip 42
	// sound: true same root: true
}
