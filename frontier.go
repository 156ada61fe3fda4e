//go:build cgo

package kvshard

import (
	"fmt"
	"math/bits"
)

// A Frontier is what appending needs to know of a tree: its newest leaf, and
// the roots of the complete subtrees to the left of that leaf's path. With it a
// tree goes on where another one is, without the earlier leaves.
//
// lightwalletd and zcashd (z_gettreestate) have the same frontier in another
// form. There the newest leaf is "left" or "right", and a parent may be absent.
// Here there is one ommer for each 1 bit, and no other.
// [Frontier.MarshalTreestate] and [ParseTreestate] go from one to the other.
type Frontier struct {
	// Size is the number of leaves, 0 to 2^32. The frontier of an empty tree has
	// a zero Leaf and no ommers.
	Size uint64
	// Leaf is the newest leaf, at position Size-1.
	Leaf Node
	// Ommers are the left siblings on the newest leaf's path, from the lowest
	// level up: one for each 1 bit of the position Size-1.
	Ommers []Node
}

// check returns in words what is wrong with the frontier's shape, or "".
func (f Frontier) check() string {
	switch ommers := len(f.Ommers); {
	case f.Size > 1<<Depth:
		return fmt.Sprintf("a frontier of size %d: a tree holds at most 2^%d leaves", f.Size, Depth)
	case f.Size == 0 && (f.Leaf != Node{} || ommers != 0):
		return "a frontier of size 0 has no leaf (it is zero) and no ommers"
	case f.Size > 0 && ommers != bits.OnesCount64(f.Size-1):
		return fmt.Sprintf("a frontier of size %d has one ommer for each 1 bit of the position %d: %d, not %d", f.Size, f.Size-1, bits.OnesCount64(f.Size-1), ommers)
	default:
		return ""
	}
}

// Root returns the root of the tree that ends with this frontier, which is what
// [Tree.RootAt] returned there. For Size 0 it is EmptyRoot(32).
//
// Errors: [ErrInvalidArgument] if the frontier has a wrong shape;
// [ErrInvalidNode] if its leaf or an ommer is not canonical;
// [ErrUnsupportedVersion] if the linked library is of another release.
//
// Cost: 32 hashes, and no store.
func (f Frontier) Root() (Node, error) {
	const op = "Frontier.Root"
	if wrong := f.check(); wrong != "" {
		return Node{}, invalidArgument(op, "%s", wrong)
	}
	return orchard.FrontierRoot(op, f.Size, f.Leaf, nodesBytes(f.Ommers))
}
