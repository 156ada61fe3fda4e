package treetest

import (
	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
)

// Nodes returns the same bytes as nodes.
func Nodes(plain [][32]byte) []kvshard.Node {
	out := make([]kvshard.Node, len(plain))
	for i, n := range plain {
		out[i] = n
	}
	return out
}

// FrontierOf returns the frontier as the package has it.
func FrontierOf(f realdata.Frontier) kvshard.Frontier {
	return kvshard.Frontier{Size: f.Size, Leaf: f.Leaf, Ommers: Nodes(f.Ommers)}
}
