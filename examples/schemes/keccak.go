package schemes

import (
	"golang.org/x/crypto/sha3"

	"github.com/kvshard/kvshard/hashtree"
)

// Keccak hashes two nodes as Ethereum's contracts do: keccak256 of the 64 bytes,
// left and then right. The level has no part in it. A node is any 32 bytes.
type Keccak struct{}

// KeccakTree returns the scheme of a tree with that hash. An absent leaf is 32 zero
// bytes. At depth 32 it is the tree of Hyperlane's mailbox, the leaves of which
// are message ids.
func KeccakTree(depth int) (*hashtree.Scheme, error) {
	return hashtree.NewScheme("keccak256", depth, hashtree.Node{}, Keccak{})
}

// CombineBatch writes to parents[i] the hash of children[2i] and children[2i+1].
func (Keccak) CombineBatch(_ int, children, parents []hashtree.Node) error {
	h := sha3.NewLegacyKeccak256()
	for i := range parents {
		h.Reset()
		h.Write(children[2*i][:]) // a hash.Hash returns no error
		h.Write(children[2*i+1][:])
		h.Sum(parents[i][:0])
	}
	return nil
}

// Canonical is true of all leaves.
func (Keccak) Canonical(hashtree.Node) bool { return true }
