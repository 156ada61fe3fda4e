package hashtree

import (
	"math/bits"

	"github.com/kvshard/kvshard"
)

// A Frontier is what appending needs to know of a tree: its newest leaf and the
// roots of the complete subtrees to the left of that leaf's path. With it a tree
// goes on from where another one is, without the leaves before.
type Frontier struct {
	// Size is the number of leaves. In that of an empty tree Leaf is zero and
	// there are no ommers.
	Size uint64
	// Leaf is the newest leaf, at position Size-1.
	Leaf Node
	// Ommers are the left siblings on the newest leaf's path, from the lowest
	// level up: one for each 1 bit of the position Size-1.
	Ommers []Node
}

func frontierOf(f kvshard.Frontier) Frontier {
	return Frontier{Size: f.Size, Leaf: Node(f.Leaf), Ommers: own(f.Ommers)}
}

func (f Frontier) plain() kvshard.Frontier {
	return kvshard.Frontier{Size: f.Size, Leaf: kvshard.Node(f.Leaf), Ommers: plain(f.Ommers)}
}

// FrontierRoot returns the root of the tree that ends with a frontier. For Size 0 it
// is the root of an empty tree.
//
// Errors: [kvshard.ErrInvalidArgument] if the frontier has a wrong shape;
// [kvshard.ErrInvalidNode] if its leaf or an ommer is not canonical, with Index 0 for
// the leaf and i+1 for Ommers[i]; [kvshard.ErrHasher] if the hasher fails.
//
// Cost: 1 hash a level, and no store.
func (s *Scheme) FrontierRoot(f Frontier) (Node, error) {
	const op = "Scheme.FrontierRoot"
	depth := s.inner.Depth
	if f.Size == 0 && f.Leaf == (Node{}) && len(f.Ommers) == 0 {
		return s.EmptyRoot(depth)
	}
	if position := f.Size - 1; f.Size == 0 || f.Size > 1<<depth || len(f.Ommers) != bits.OnesCount64(position) {
		return Node{}, invalidArgument(op, "a frontier of size %d with %d ommers: it has one for each 1 bit of the position below, and a tree holds at most 2^%d leaves", f.Size, len(f.Ommers), depth)
	}
	if s.built != nil {
		return s.built.FrontierRoot(op, f.Size, f.Leaf, bytesOf(f.Ommers))
	}
	if err := s.checkNodes(op, append([]Node{f.Leaf}, f.Ommers...)); err != nil {
		return Node{}, err
	}
	ommers := f.Ommers
	return s.climb(op, f.Leaf, func(level int) (Node, bool) {
		if (f.Size-1)>>level&1 == 0 {
			return s.inner.EmptyRoots[level], false
		}
		ommer := ommers[0]
		ommers = ommers[1:]
		return ommer, true
	})
}
