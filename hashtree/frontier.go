package hashtree

import "github.com/kvshard/kvshard"

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
