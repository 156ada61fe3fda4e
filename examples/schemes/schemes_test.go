package schemes

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"math/big"
	"slices"
	"testing"

	"github.com/consensys/gnark-crypto/accumulator/merkletree"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/mimc"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/poseidon2"
	"github.com/iden3/go-iden3-crypto/poseidon"
	"golang.org/x/crypto/sha3"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

// A hashed is a scheme with what it is compared with.
type hashed struct {
	name   string
	scheme func(depth int) (*hashtree.Scheme, error)
	hasher hashtree.Hasher
	// leaf is made of some data: below 2^253.
	leaf func(data [32]byte) hashtree.Node
	// reference recounts the tree of these leaves' data: its root, and the path of
	// a position.
	reference func(depth int, data [][32]byte, position int) (root hashtree.Node, path []hashtree.Node)
}

var all = []hashed{
	{
		name: "MiMC", scheme: MiMCTree, hasher: MiMC{},
		leaf:      func(data [32]byte) hashtree.Node { return MiMC{}.Leaf(element(data)) },
		reference: gnarkReference(func() hash.Hash { return mimc.NewMiMC() }),
	},
	{
		name: "Poseidon2", scheme: Poseidon2Tree, hasher: Poseidon2{},
		leaf:      func(data [32]byte) hashtree.Node { return Poseidon2{}.Leaf(element(data)) },
		reference: gnarkReference(func() hash.Hash { return poseidon2.NewMerkleDamgardHasher() }),
	},
	{
		name: "Circom", scheme: CircomTree, hasher: Circom{}, leaf: sameBytes,
		reference: recount(func(left, right [32]byte) (parent [32]byte) {
			hash, err := poseidon.Hash([]*big.Int{new(big.Int).SetBytes(left[:]), new(big.Int).SetBytes(right[:])})
			if err != nil {
				panic(err)
			}
			hash.FillBytes(parent[:])
			return parent
		}),
	},
	{
		name: "Keccak", scheme: KeccakTree, hasher: Keccak{}, leaf: sameBytes,
		reference: recount(func(left, right [32]byte) [32]byte {
			h := sha3.NewLegacyKeccak256()
			h.Write(slices.Concat(left[:], right[:]))
			return [32]byte(h.Sum(nil))
		}),
	},
}

func element(data [32]byte) (e fr.Element) {
	if err := e.SetBytesCanonical(data[:]); err != nil {
		panic(err)
	}
	return e
}

func sameBytes(data [32]byte) hashtree.Node { return data }

// dataAt returns the data of the leaf at a position.
func dataAt(position int) [32]byte {
	data := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(position)))
	data[0] &= 0x1F
	return data
}

func dataOf(n int) [][32]byte {
	data := make([][32]byte, n)
	for i := range data {
		data[i] = dataAt(i)
	}
	return data
}

func (h hashed) leaves(data [][32]byte) []hashtree.Node {
	leaves := make([]hashtree.Node, len(data))
	for i, d := range data {
		leaves[i] = h.leaf(d)
	}
	return leaves
}

// gnarkReference is gnark-crypto's own Merkle tree, filled with the data 0 behind
// the leaves.
func gnarkReference(newHash func() hash.Hash) func(int, [][32]byte, int) (hashtree.Node, []hashtree.Node) {
	return func(depth int, data [][32]byte, position int) (hashtree.Node, []hashtree.Node) {
		tree := merkletree.New(newHash())
		if err := tree.SetIndex(uint64(position)); err != nil {
			panic(err)
		}
		var none [32]byte
		for i := range 1 << depth {
			if i < len(data) {
				tree.Push(data[i][:])
			} else {
				tree.Push(none[:])
			}
		}
		root, proof, _, leaves := tree.Prove()
		if !merkletree.VerifyProof(newHash(), root, proof, uint64(position), leaves) {
			panic("gnark-crypto does not verify its own proof")
		}
		path := make([]hashtree.Node, depth)
		for level, sibling := range proof[1:] {
			path[level] = hashtree.Node(sibling)
		}
		return hashtree.Node(root), path
	}
}

// recount hashes a whole tree, row by row, with 0 for the absent leaves.
func recount(pair func(left, right [32]byte) [32]byte) func(int, [][32]byte, int) (hashtree.Node, []hashtree.Node) {
	return func(depth int, data [][32]byte, position int) (root hashtree.Node, path []hashtree.Node) {
		row, empty := slices.Clone(data), [32]byte{}
		for range depth {
			for len(row) <= position^1 || len(row)%2 == 1 {
				row = append(row, empty)
			}
			path = append(path, row[position^1])
			above := make([][32]byte, len(row)/2)
			for i := range above {
				above[i] = pair(row[2*i], row[2*i+1])
			}
			row, empty, position = above, pair(empty, empty), position/2
		}
		return row[0], path
	}
}

// The depth at which the whole tree is recounted.
const smallDepth = 9

// TestGrowing compares roots and paths with the reference while a tree grows, and
// at the end against its checkpoints.
func TestGrowing(t *testing.T) {
	for _, h := range all {
		t.Run(h.name, func(t *testing.T) {
			scheme, err := h.scheme(smallDepth)
			if err != nil {
				t.Fatal(err)
			}
			kv := kvtest.Strict(t)
			tree, err := hashtree.Open(kv, scheme)
			if err != nil {
				t.Fatal(err)
			}
			sizes := []int{1, 2, 3, 5, 15, 16, 17, 33, 100, 128, 129, 256, 300, 511, 512}
			data := dataOf(sizes[len(sizes)-1])
			size := 0
			for id, next := range sizes {
				if _, err := tree.AppendBatch(h.leaves(data[size:next])); err != nil {
					t.Fatal(err)
				}
				size = next
				for _, position := range []int{0, size / 2, size - 1} {
					root, path := h.reference(smallDepth, data[:size], position)
					if got, err := tree.Root(); err != nil || got != root {
						t.Fatalf("root of %d leaves: %s, %v; want %s", size, got, err, root)
					}
					w, err := tree.Witness(uint64(position))
					if err != nil || !slices.Equal(w.Path, path) {
						t.Fatalf("path of leaf %d of %d: %v, %v; want %v", position, size, w.Path, err, path)
					}
					if err := scheme.VerifyWitness(w, root, h.leaf(data[position])); err != nil {
						t.Fatal(err)
					}
				}
				if err := tree.Checkpoint(uint32(id + 1)); err != nil {
					t.Fatal(err)
				}
			}
			for id, size := range sizes {
				position := size / 3
				root, path := h.reference(smallDepth, data[:size], position)
				w, err := tree.WitnessAt(uint64(position), uint32(id+1))
				if err != nil || !slices.Equal(w.Path, path) {
					t.Fatalf("path of leaf %d at %d leaves: %v", position, size, err)
				}
				if got, err := tree.RootAt(uint32(id + 1)); err != nil || got != root {
					t.Fatalf("root at %d leaves: %s, %v", size, got, err)
				}
			}
			if err := tree.Check(); err != nil {
				t.Error(err)
			}
			if _, err := tree.Append(h.leaf(dataAt(0))); err == nil {
				t.Error("a full tree takes a leaf")
			}
		})
	}
}

// TestPublishedValues holds the hashes against values that others publish.
func TestPublishedValues(t *testing.T) {
	number := func(n byte) (node hashtree.Node) {
		node[31] = n
		return node
	}
	for _, c := range []struct {
		name        string
		hasher      hashtree.Hasher
		left, right hashtree.Node
		want        string
	}{
		// circomlib's test of Poseidon([1, 2]).
		{"circom", Circom{}, number(1), number(2), "115cc0f5e7d690413df64c6b9662e9cf2a3617f2743245519e19607a4417189a"},
		// The first zero hash of the deposit contract and of Hyperlane's MerkleLib.
		{"keccak", Keccak{}, number(0), number(0), "ad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5"},
	} {
		var parent [1]hashtree.Node
		if err := c.hasher.CombineBatch(0, []hashtree.Node{c.left, c.right}, parent[:]); err != nil || parent[0].String() != c.want {
			t.Errorf("%s: %s, %v; want %s", c.name, parent[0], err, c.want)
		}
	}
}

// TestMailbox compares a tree of depth 32 with the algorithm of Hyperlane's mailbox
// contract (MerkleLib): its insert, root and branchRoot.
func TestMailbox(t *testing.T) {
	pair := func(left, right [32]byte) [32]byte {
		h := sha3.NewLegacyKeccak256()
		h.Write(left[:])
		h.Write(right[:])
		return [32]byte(h.Sum(nil))
	}
	var zero [33][32]byte
	for i := range 32 {
		zero[i+1] = pair(zero[i], zero[i])
	}
	var branch [32][32]byte
	count := uint64(0)
	insert := func(node [32]byte) {
		count++
		for i, size := 0, count; i < 32; i, size = i+1, size/2 {
			if size%2 == 1 {
				branch[i] = node
				return
			}
			node = pair(branch[i], node)
		}
	}
	root := func() [32]byte {
		node := [32]byte{}
		for i := range 32 {
			if count>>i&1 == 1 {
				node = pair(branch[i], node)
			} else {
				node = pair(node, zero[i])
			}
		}
		return node
	}
	branchRoot := func(node [32]byte, path []hashtree.Node, index uint64) [32]byte {
		for i, sibling := range path {
			if index>>i&1 == 1 {
				node = pair(sibling, node)
			} else {
				node = pair(node, sibling)
			}
		}
		return node
	}

	scheme, err := KeccakTree(32)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := hashtree.Open(kvtest.Strict(t), scheme)
	if err != nil {
		t.Fatal(err)
	}
	// What the contract answers before the first message.
	const empty = "27ae5ba08d7291c96c8cbddcc148bf48a6d68c7974b94356f53754ef6171d757"
	if got, err := tree.Root(); err != nil || got.String() != empty {
		t.Fatalf("the empty tree's root is %s, %v", got, err)
	}
	for i := range 300 {
		insert(dataAt(i))
		if _, err := tree.Append(dataAt(i)); err != nil {
			t.Fatal(err)
		}
		if got, err := tree.Root(); err != nil || got != root() {
			t.Fatalf("root of %d leaves: %s, %v", i+1, got, err)
		}
	}
	for _, i := range []int{0, 1, 17, 255, 256, 299} {
		w, err := tree.Witness(uint64(i))
		if err != nil || branchRoot(dataAt(i), w.Path, w.Position) != root() {
			t.Errorf("the contract refuses the proof of message %d: %v", i, err)
		}
	}
}

// TestCanonical: the modulus and what is above it are refused as leaves, and what is
// below it is taken.
func TestCanonical(t *testing.T) {
	modulus := fr.Modulus()
	node := func(n *big.Int) (node hashtree.Node) {
		n.FillBytes(node[:])
		return node
	}
	below := node(new(big.Int).Sub(modulus, big.NewInt(1)))
	above := hashtree.Node(bytes.Repeat([]byte{0xFF}, 32))
	for _, h := range all {
		scheme, err := h.scheme(20)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := hashtree.Open(kvtest.Strict(t), scheme)
		if err != nil {
			t.Fatal(err)
		}
		field := h.name != "Keccak"
		for _, leaf := range []hashtree.Node{node(modulus), above} {
			_, err := tree.Append(leaf)
			if field != (err != nil) || h.hasher.Canonical(leaf) == field {
				t.Errorf("%s: Append(%s): %v", h.name, leaf, err)
			}
		}
		if _, err := tree.Append(below); err != nil || !h.hasher.Canonical(below) {
			t.Errorf("%s: Append(%s): %v", h.name, below, err)
		}
	}
}

// TestSchemesDiffer: a tree of one scheme is refused by each other one, and by the
// same hash at another depth.
func TestSchemesDiffer(t *testing.T) {
	var schemes []*hashtree.Scheme
	for _, h := range all {
		for _, depth := range []int{20, 32} {
			scheme, err := h.scheme(depth)
			if err != nil {
				t.Fatal(err)
			}
			schemes = append(schemes, scheme)
		}
	}
	for _, made := range schemes {
		kv := kvtest.Strict(t)
		tree, err := hashtree.Open(kv, made)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tree.Append(dataAt(1)); err != nil {
			t.Fatal(err)
		}
		for _, opened := range schemes {
			tree, err := hashtree.Open(kv, opened)
			if err != nil {
				t.Fatal(err)
			}
			_, err = tree.Root()
			if same := made == opened; same != (err == nil) || !same && !errors.Is(err, kvshard.ErrSchemeMismatch) {
				t.Errorf("a tree of %s opened with %s: %v", made, opened, err)
			}
		}
	}
}
