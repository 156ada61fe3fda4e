package schemes

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/poseidon2"

	"github.com/kvshard/kvshard/hashtree"
)

// Poseidon2 hashes two nodes as gnark-crypto's Merkle-Damgård hasher of Poseidon2
// over BN254 does, written left and then right: width 2, 6 full and 50 partial
// rounds, a permutation for each child. The level has no part in it. A node is an
// element of BN254's scalar field, 32 bytes big-endian, as gnark-crypto's
// fr.Element.Bytes gives it.
//
// It is the hash of gnark's std/hash.NewMerkleDamgardHasher over
// std/permutation/poseidon2 with the same parameters, so that
// std/accumulator/merkle proves its paths.
type Poseidon2 struct{}

// Poseidon2Tree returns the scheme of a tree with that hash. A leaf is [Poseidon2.Leaf] of
// its data, and an absent one that of 0, as gnark's Merkle proofs have it.
func Poseidon2Tree(depth int) (*hashtree.Scheme, error) {
	h := Poseidon2{}
	return hashtree.NewScheme("poseidon2-bn254", depth, h.Leaf(fr.Element{}), h)
}

// Leaf returns the leaf of some data: its hash.
func (Poseidon2) Leaf(data fr.Element) (leaf hashtree.Node) {
	bytes := data.Bytes()
	h := poseidon2.NewMerkleDamgardHasher()
	h.Write(bytes[:]) // no error: the element is canonical
	h.Sum(leaf[:0])
	return leaf
}

// CombineBatch writes to parents[i] the hash of children[2i] and children[2i+1].
func (Poseidon2) CombineBatch(_ int, children, parents []hashtree.Node) error {
	h := poseidon2.NewMerkleDamgardHasher()
	for i := range parents {
		h.Reset()
		for _, child := range children[2*i : 2*i+2] {
			if _, err := h.Write(child[:]); err != nil {
				return err
			}
		}
		h.Sum(parents[i][:0])
	}
	return nil
}

// Canonical tells whether a leaf is below the modulus.
func (Poseidon2) Canonical(leaf hashtree.Node) bool {
	var e fr.Element
	return e.SetBytesCanonical(leaf[:]) == nil
}
