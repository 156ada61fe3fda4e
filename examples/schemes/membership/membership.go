// Package membership proves with a zero-knowledge proof that a leaf is in a tree,
// and does not tell which: a gnark circuit over the paths that package hashtree
// gives.
package membership

import (
	"fmt"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/frontend"
	"github.com/consensys/gnark/std/accumulator/merkle"
	"github.com/consensys/gnark/std/hash"
	"github.com/consensys/gnark/std/hash/mimc"
	"github.com/consensys/gnark/std/permutation/poseidon2"

	"github.com/kvshard/kvshard/hashtree"
)

// A Hash is the hash of the tree, in the circuit.
type Hash func(frontend.API) (hash.FieldHasher, error)

// MiMC is the hash of schemes.MiMC.
func MiMC(api frontend.API) (hash.FieldHasher, error) { return mimc.New(api) }

// Poseidon2 is the hash of schemes.Poseidon2.
func Poseidon2(api frontend.API) (hash.FieldHasher, error) {
	f, err := poseidon2.NewPoseidon2FromParameters(api, 2, 6, 50)
	if err != nil {
		return nil, err
	}
	return hash.NewMerkleDamgardHasher(api, f, 0), nil
}

// A Circuit is satisfied by who knows the data of a leaf and its place in the tree
// with a root. Only the root is public. A circuit of a chain's also opens the data,
// a commitment, and derives a nullifier from it: everybody knows the data of all
// leaves, and the data 0 of an absent one.
type Circuit struct {
	Root     frontend.Variable   `gnark:",public"`
	Data     frontend.Variable   // the leaf is its hash
	Position frontend.Variable   // of the leaf
	Siblings []frontend.Variable // from the leaf up, one a level

	hash Hash
}

// New returns the circuit for trees of that depth.
func New(depth int, h Hash) *Circuit {
	return &Circuit{Siblings: make([]frontend.Variable, depth), hash: h}
}

// Define states what holds, with gnark's own Merkle proof.
func (c *Circuit) Define(api frontend.API) error {
	h, err := c.hash(api)
	if err != nil {
		return fmt.Errorf("the hash of the tree: %w", err)
	}
	proof := merkle.MerkleProof{
		RootHash: c.Root,
		Path:     append([]frontend.Variable{c.Data}, c.Siblings...),
	}
	proof.VerifyProof(api, h, c.Position)
	return nil
}

// Assign returns what the circuit is solved with: the root of a checkpoint, and the
// witness against it of the leaf with that data. Nodes are big-endian, as in
// package schemes.
func Assign(root hashtree.Node, data fr.Element, w hashtree.Witness) *Circuit {
	c := &Circuit{
		Root:     root[:],
		Data:     data,
		Position: w.Position,
		Siblings: make([]frontend.Variable, len(w.Path)),
	}
	for level, sibling := range w.Path {
		c.Siblings[level] = sibling[:]
	}
	return c
}

// Public returns what the circuit is verified with.
func Public(root hashtree.Node) *Circuit { return &Circuit{Root: root[:]} }
