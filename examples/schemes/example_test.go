package schemes_test

import (
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard/examples/schemes"
	"github.com/kvshard/kvshard/hashtree"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A tree that a gnark circuit with MiMC proves, see package membership.
func ExampleMiMCTree() {
	store := dbm.NewMemDB() // in a keeper: storeService.OpenKVStore(ctx)
	scheme := must(schemes.MiMCTree(20))
	tree := must(hashtree.Open(store, scheme))

	data := fr.NewElement(42)
	leaf := schemes.MiMC{}.Leaf(data)
	position := must(tree.Append(leaf))
	if err := tree.Checkpoint(100); err != nil { // say, the height of the block
		panic(err)
	}
	root := must(tree.RootAt(100))
	witness := must(tree.WitnessAt(position, 100))
	fmt.Println(scheme)
	fmt.Println("proven:", scheme.VerifyWitness(witness, root, leaf) == nil, "with", len(witness.Path), "siblings")
	// Output:
	// mimc-bn254 at depth 20
	// proven: true with 20 siblings
}

func ExamplePoseidon2Tree() {
	scheme := must(schemes.Poseidon2Tree(20))
	tree := must(hashtree.Open(dbm.NewMemDB(), scheme))
	must(tree.Append(schemes.Poseidon2{}.Leaf(fr.NewElement(42))))
	fmt.Println(must(tree.Root()))
	// Output:
	// 177fb0899f8d3aeef3f5026343e9f5eb4ac3d3e53eb31ccda1a719b104bd8389
}

// The root that a circom circuit with Poseidon(2) at each level comes to. Nodes are
// big-endian, as a contract's uint256.
func ExampleCircomTree() {
	scheme := must(schemes.CircomTree(20))
	tree := must(hashtree.Open(dbm.NewMemDB(), scheme))
	must(tree.Append(hashtree.Node{31: 42})) // the commitment 42
	fmt.Println(must(tree.Root()))
	// Output:
	// 24d6f0a0fb395ee94248316216e41ff38eff049501afbed7de46811d5ef3390a
}

// The tree of Hyperlane's mailbox: message ids are its leaves.
func ExampleKeccakTree() {
	scheme := must(schemes.KeccakTree(32))
	tree := must(hashtree.Open(dbm.NewMemDB(), scheme))
	fmt.Println("no message yet:", must(tree.Root()))
	must(tree.Append(hashtree.Node{31: 1}))
	fmt.Println("one message:   ", must(tree.Root()))
	// Output:
	// no message yet: 27ae5ba08d7291c96c8cbddcc148bf48a6d68c7974b94356f53754ef6171d757
	// one message:    21db8421fb719c4d28af3cda6aeee3388f75e2cc467bfc7b950d32a425f7d355
}
