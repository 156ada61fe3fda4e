package schemes

import (
	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
)

// Verify returns nil if the path leads from the leaf to the root, and
// [kvshard.ErrInvalidWitness] if it leads elsewhere. The path has a node for each level.
func (s *Scheme) Verify(position uint64, path []kvshard.Node, root, leaf kvshard.Node) error {
	switch {
	case s == Orchard:
		return kvshard.Witness{Position: position, Path: [kvshard.Depth]kvshard.Node(path)}.Verify(root, leaf)
	case s.built == nil:
		return s.Unknown()
	}
	return s.built.VerifyWitness(hashtree.Witness{Position: position, Path: nodes(path)}, hashtree.Node(root), hashtree.Node(leaf))
}

// FrontierRoot returns the root of the tree that ends with a frontier.
func (s *Scheme) FrontierRoot(f kvshard.Frontier) (kvshard.Node, error) {
	switch {
	case s == Orchard:
		return f.Root()
	case s.built == nil:
		return kvshard.Node{}, s.Unknown()
	}
	root, err := s.built.FrontierRoot(hashtree.Frontier{Size: f.Size, Leaf: hashtree.Node(f.Leaf), Ommers: nodes(f.Ommers)})
	return kvshard.Node(root), err
}

func nodes(plain []kvshard.Node) []hashtree.Node {
	made := make([]hashtree.Node, len(plain))
	for i, node := range plain {
		made[i] = hashtree.Node(node)
	}
	return made
}
