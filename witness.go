//go:build cgo

package kvshard

import "fmt"

// A Witness proves that a leaf is at a position: the siblings of the nodes on
// the way from it to the root. It is what an Orchard spend needs as its
// Merkle path (position and auth_path).
type Witness struct {
	// Position of the leaf, 0 to 2^32-1.
	Position uint64
	// Path holds the siblings from the bottom up: Path[0] is the leaf's, and
	// Path[31] that of the root's child. Bit i of Position tells on which side
	// Path[i] is: left if it is 1.
	Path [Depth]Node
}

// Root returns the root that the path leads to from this leaf.
//
// Errors: [ErrInvalidNode] if the leaf or a node of the path is not canonical;
// [ErrInvalidArgument] for a position of 2^32 or more; [ErrUnsupportedVersion] if
// the linked library is of another release.
//
// Cost: 32 hashes, and no store.
func (w Witness) Root(leaf Node) (Node, error) {
	return w.root("Witness.Root", leaf)
}

// Verify returns nil if the path leads from the leaf to the root.
//
// Errors: [ErrInvalidWitness] if it leads elsewhere; otherwise those of
// [Witness.Root].
//
// Cost: 32 hashes, and no store.
func (w Witness) Verify(root, leaf Node) error {
	const op = "Witness.Verify"
	got, err := w.root(op, leaf)
	if err != nil {
		return err
	}
	if got != root {
		return &Error{Op: op, Kind: ErrInvalidWitness, What: fmt.Sprintf("leaf %s at position %d leads to %s, not to %s", leaf, w.Position, got, root)}
	}
	return nil
}

func (w Witness) root(op string, leaf Node) (Node, error) {
	if w.Position >= 1<<Depth {
		return Node{}, invalidArgument(op, "position %d is not below 2^%d", w.Position, Depth)
	}
	return engineWitnessRoot(op, w.Position, &w.Path, leaf)
}
