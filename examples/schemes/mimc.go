package schemes

import (
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr/mimc"

	"github.com/kvshard/kvshard/hashtree"
)

// MiMC hashes two nodes as gnark-crypto's MiMC over BN254 does, written left and
// then right: 110 rounds of x^5, Miyaguchi-Preneel. The level has no part in it. A
// node is an element of BN254's scalar field, 32 bytes big-endian, as
// gnark-crypto's fr.Element.Bytes gives it.
//
// It is the hash of gnark's std/hash/mimc, so that std/accumulator/merkle proves
// its paths.
type MiMC struct{}

// MiMCTree returns the scheme of a tree with that hash. A leaf is [MiMC.Leaf] of
// its data, and an absent one that of 0, as gnark's Merkle proofs have it.
func MiMCTree(depth int) (*hashtree.Scheme, error) {
	h := MiMC{}
	return hashtree.NewScheme("mimc-bn254", depth, h.Leaf(fr.Element{}), h)
}

// Leaf returns the leaf of some data: its hash.
func (MiMC) Leaf(data fr.Element) (leaf hashtree.Node) {
	bytes := data.Bytes()
	h := mimc.NewMiMC()
	h.Write(bytes[:]) // no error: the element is canonical
	h.Sum(leaf[:0])
	return leaf
}

// CombineBatch writes to parents[i] the hash of children[2i] and children[2i+1].
func (MiMC) CombineBatch(_ int, children, parents []hashtree.Node) error {
	h := mimc.NewMiMC()
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
func (MiMC) Canonical(leaf hashtree.Node) bool {
	var e fr.Element
	return e.SetBytesCanonical(leaf[:]) == nil
}
