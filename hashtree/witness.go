package hashtree

import (
	"fmt"

	"github.com/kvshard/kvshard"
)

// A Witness proves that a leaf is at a position: the siblings of the nodes on
// the way from it to the root.
type Witness struct {
	// Position of the leaf.
	Position uint64
	// Path holds the siblings from the bottom up, one for each level of the
	// scheme: Path[0] is the leaf's. Bit i of Position tells on which side
	// Path[i] is: left if it is 1.
	Path []Node
}

// WitnessRoot returns the root that a path leads to from a leaf.
//
// Errors: [kvshard.ErrInvalidArgument] for a path whose length is not the scheme's
// depth, and for a position that a tree of this depth does not have;
// [kvshard.ErrInvalidNode] if the leaf or a node of the path is not canonical, with
// Index 0 for the leaf and i+1 for Path[i]; [kvshard.ErrHasher] if the hasher fails.
//
// Cost: 1 hash a level, and no store.
func (s *Scheme) WitnessRoot(w Witness, leaf Node) (Node, error) {
	return s.witnessRoot("Scheme.WitnessRoot", w, leaf)
}

// VerifyWitness returns nil if the path leads from the leaf to the root.
//
// Errors: [kvshard.ErrInvalidWitness] if it leads elsewhere; otherwise those of
// [Scheme.WitnessRoot].
//
// Cost: 1 hash a level, and no store.
func (s *Scheme) VerifyWitness(w Witness, root, leaf Node) error {
	const op = "Scheme.VerifyWitness"
	got, err := s.witnessRoot(op, w, leaf)
	if err != nil {
		return err
	}
	if got != root {
		return &kvshard.Error{Op: op, Kind: kvshard.ErrInvalidWitness, What: fmt.Sprintf("leaf %s at position %d leads to %s, not to %s", leaf, w.Position, got, root)}
	}
	return nil
}

func (s *Scheme) witnessRoot(op string, w Witness, leaf Node) (Node, error) {
	switch depth := s.inner.Depth; {
	case len(w.Path) != depth:
		return Node{}, invalidArgument(op, "a path of %d nodes, want %d", len(w.Path), depth)
	case w.Position>>depth != 0:
		return Node{}, invalidArgument(op, "position %d is not below 2^%d", w.Position, depth)
	}
	if s.built != nil {
		return s.built.WitnessRoot(op, w.Position, bytesOf(w.Path), leaf)
	}
	if err := s.checkNodes(op, append([]Node{leaf}, w.Path...)); err != nil {
		return Node{}, err
	}
	return s.climb(op, leaf, func(level int) (sibling Node, left bool) {
		return w.Path[level], w.Position>>level&1 == 1
	})
}

// climb returns the root over a leaf by the Hasher, given the leaf's sibling at each
// level and whether that is the left one.
func (s *Scheme) climb(op string, leaf Node, sibling func(level int) (node Node, left bool)) (Node, error) {
	node := leaf
	for level := range s.inner.Depth {
		pair := []Node{node, {}}
		if other, left := sibling(level); left {
			pair = []Node{other, node}
		} else {
			pair[1] = other
		}
		parents, err := s.parents(op, level, pair)
		if err != nil {
			return Node{}, err
		}
		node = parents[0]
	}
	return node, nil
}
