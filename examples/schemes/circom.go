package schemes

import (
	"math/big"

	"github.com/iden3/go-iden3-crypto/constants"
	"github.com/iden3/go-iden3-crypto/poseidon"

	"github.com/kvshard/kvshard/hashtree"
)

// Circom hashes two nodes as circomlib's template Poseidon(2) does. The level has
// no part in it. A node is an element of BN254's scalar field, 32 bytes
// big-endian, as Solidity's uint256 is encoded.
type Circom struct{}

// CircomTree returns the scheme of a tree with that hash. An absent leaf is 0, as
// in most trees of circom's: append no leaf 0.
func CircomTree(depth int) (*hashtree.Scheme, error) {
	return hashtree.NewScheme("poseidon-circom", depth, hashtree.Node{}, Circom{})
}

// CombineBatch writes to parents[i] the hash of children[2i] and children[2i+1].
func (Circom) CombineBatch(_ int, children, parents []hashtree.Node) error {
	pair := []*big.Int{new(big.Int), new(big.Int)}
	for i := range parents {
		pair[0].SetBytes(children[2*i][:])
		pair[1].SetBytes(children[2*i+1][:])
		hash, err := poseidon.Hash(pair)
		if err != nil {
			return err
		}
		hash.FillBytes(parents[i][:])
	}
	return nil
}

// Canonical tells whether a leaf is below the modulus.
func (Circom) Canonical(leaf hashtree.Node) bool {
	return new(big.Int).SetBytes(leaf[:]).Cmp(constants.Q) < 0
}
