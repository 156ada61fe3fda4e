//go:build cgo

package kvshard

import (
	"encoding/binary"
	"fmt"
)

// A Witness proves that a leaf is at a position. It has the siblings of the nodes
// on the way from the leaf to the root. An Orchard spend needs it as its Merkle
// path (position and auth_path).
type Witness struct {
	// Position of the leaf, 0 to 2^32-1.
	Position uint64
	// Path has the siblings from the bottom up: Path[0] is the leaf's, and
	// Path[31] is that of the root's child. Path[i] is on the left if bit i of
	// Position is 1, else on the right.
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
	if err := w.checkPosition(op); err != nil {
		return Node{}, err
	}
	return orchard.WitnessRoot(op, w.Position, nodesBytes(w.Path[:]), leaf)
}

// witnessBytes is the length of a Witness in binary.
const witnessBytes = 4 + Depth*len(Node{})

// MarshalBinary returns the witness in 1,028 bytes: the position, 4 bytes
// little-endian, then the 32 nodes of Path from the bottom up, 32 bytes each. An
// Orchard spend makes its Merkle path from them (in Rust,
// MerklePath::from_parts of the crate orchard). It hashes nothing.
//
// Errors: [ErrInvalidNode] if a node of the path is not canonical;
// [ErrInvalidArgument] for a position of 2^32 or more.
func (w Witness) MarshalBinary() ([]byte, error) {
	const op = "Witness.MarshalBinary"
	if err := w.check(op); err != nil {
		return nil, err
	}
	data := binary.LittleEndian.AppendUint32(make([]byte, 0, witnessBytes), uint32(w.Position))
	for _, node := range w.Path {
		data = append(data, node[:]...)
	}
	return data, nil
}

// UnmarshalBinary reads what [Witness.MarshalBinary] returns. It does not tell
// whether the witness proves anything: [Witness.Verify] does. An error leaves the
// witness alone.
//
// Errors: [ErrInvalidArgument] for another length; [ErrInvalidNode] for a node
// that is not canonical, with Index i+1 for Path[i].
func (w *Witness) UnmarshalBinary(data []byte) error {
	const op = "Witness.UnmarshalBinary"
	if len(data) != witnessBytes {
		return invalidArgument(op, "%d bytes, want %d", len(data), witnessBytes)
	}
	read := Witness{Position: uint64(binary.LittleEndian.Uint32(data))}
	for i := range read.Path {
		read.Path[i] = Node(data[4+i*len(Node{}):])
	}
	if err := read.check(op); err != nil {
		return err
	}
	*w = read
	return nil
}

// check returns an error if the position or a node is none.
func (w Witness) check(op string) error {
	if err := w.checkPosition(op); err != nil {
		return err
	}
	return checkNodes(op, 1, w.Path[:]...)
}

func (w Witness) checkPosition(op string) error {
	if w.Position >= 1<<Depth {
		return invalidArgument(op, "position %d is not below 2^%d", w.Position, Depth)
	}
	return nil
}
