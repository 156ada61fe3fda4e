//go:build cgo

package kvshard

import (
	"encoding/hex"
	"fmt"
	"unsafe"
)

// Depth is the number of levels above the leaves: the root is at level 32,
// and a tree holds at most 2^32 leaves (MerkleDepth^Orchard, Zcash protocol
// specification, section 5.3).
const Depth = 32

// A Node is a leaf or an inner node of the tree, the root included: the
// canonical encoding of an element of the Pallas base field, 32 bytes,
// little-endian. A leaf is the extracted note commitment (cmx) of an Orchard
// action, as the transaction has it. Zero is a valid node; the value of an
// absent leaf is 2 (Uncommitted^Orchard).
//
// A conversion Node(bytes) is checked only where the node is used.
// [NodeFromBytes] checks at once.
type Node [32]byte

// modulus is the modulus of the Pallas base field, big-endian:
// 0x40000000000000000000000000000000224698fc094cf91b992d30ed00000001.
// Source: Zcash protocol specification, section 5.4.9.6, q_P there.
var modulus = [32]byte{
	0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x22, 0x46, 0x98, 0xfc, 0x09, 0x4c, 0xf9, 0x1b, 0x99, 0x2d, 0x30, 0xed, 0x00, 0x00, 0x00, 0x01,
}

// canonical tells whether the node is below the modulus.
func (n Node) canonical() bool {
	for i := range n {
		// From the most significant byte down.
		if a, b := n[len(n)-1-i], modulus[i]; a != b {
			return a < b
		}
	}
	return false
}

// ParseNode reads a node from the 64 hex digits of its 32 bytes, in upper or
// lower case. The order is that of the bytes: the least significant byte comes
// first. Block explorers show roots in the reverse order.
//
// Errors: [ErrInvalidNode] for any other text, and for a value that is not
// below the modulus.
func ParseNode(text string) (Node, error) {
	return parseNode("ParseNode", text)
}

func parseNode(op, text string) (Node, error) {
	invalid := func(format string, args ...any) (Node, error) {
		return Node{}, &Error{Op: op, Kind: ErrInvalidNode, What: fmt.Sprintf(format, args...)}
	}
	var n Node
	if len(text) != hex.EncodedLen(len(n)) {
		return invalid("%d characters, want %d hex digits", len(text), hex.EncodedLen(len(n)))
	}
	if _, err := hex.Decode(n[:], []byte(text)); err != nil {
		return invalid("%v", err)
	}
	if !n.canonical() {
		return Node{}, notCanonical(op, text)
	}
	return n, nil
}

// NodeFromBytes returns the node with these 32 bytes, little-endian. It copies
// them. A message handler uses it to refuse a leaf.
//
// Errors: [ErrInvalidNode] for another length, and for a value that is not
// below the modulus.
func NodeFromBytes(b []byte) (Node, error) {
	const op = "NodeFromBytes"
	var n Node
	if len(b) != len(n) {
		return Node{}, &Error{Op: op, Kind: ErrInvalidNode, What: fmt.Sprintf("%d bytes, want %d", len(b), len(n))}
	}
	copy(n[:], b)
	if !n.canonical() {
		return Node{}, notCanonical(op, n.String())
	}
	return n, nil
}

// checkNodes returns an error for the first node that is not canonical; its
// Index counts from first.
func checkNodes(op string, first uint64, nodes ...Node) error {
	for i, node := range nodes {
		if !node.canonical() {
			err := notCanonical(op, node.String())
			err.Index = first + uint64(i)
			return err
		}
	}
	return nil
}

func notCanonical(op, text string) *Error {
	return &Error{Op: op, Kind: ErrInvalidNode, What: text + " is not below the modulus of the Pallas base field"}
}

// String returns the 64 lower-case hex digits that [ParseNode] reads.
func (n Node) String() string { return hex.EncodeToString(n[:]) }

// MarshalText returns the same text as String. It does not check the node.
//
// Errors: none.
func (n Node) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what [ParseNode] reads. An error leaves the node alone.
//
// Errors: [ErrInvalidNode], as from [ParseNode].
func (n *Node) UnmarshalText(text []byte) error {
	parsed, err := parseNode("UnmarshalText", string(text))
	if err != nil {
		return err
	}
	*n = parsed
	return nil
}

// EmptyRoot returns the root of a subtree without leaves whose root is at this
// level, 0 to [Depth]. At level 0 that is the absent leaf.
//
// Errors: [ErrInvalidArgument] for another level; [ErrUnsupportedVersion] if the
// linked library is of another release.
//
// Cost: no hash, and no store.
func EmptyRoot(level int) (Node, error) {
	const op = "EmptyRoot"
	if level < 0 || level > Depth {
		return Node{}, invalidArgument(op, "level %d, want 0 to %d", level, Depth)
	}
	return orchard.EmptyRoot(op, level)
}

// Combine returns the parent of two nodes at this level, 0 (two leaves) to 31
// (the root's children). The hash is MerkleCRH^Orchard (Zcash protocol
// specification, section 5.4.1.3), which hashes the level too.
//
// Errors: [ErrInvalidNode] for a node that is not canonical; [ErrInvalidArgument]
// for another level; [ErrUnsupportedVersion] if the linked library is of another
// release.
//
// Cost: 1 hash, and no store. It runs on the caller's goroutine, any number of
// which may call at once. The first hash of a process also builds tables of 3.2
// MiB, in some 10 to 30 ms.
//
// Its time depends on the nodes, which are public in a note commitment tree. Don't
// hash secrets with it.
func Combine(level int, left, right Node) (Node, error) {
	parents, err := combine("Combine", level, [][2]Node{{left, right}})
	if err != nil {
		return Node{}, err
	}
	return parents[0], nil
}

// CombineBatch is [Combine] for many pairs, left before right, all at one
// level. The result has their order. Without pairs it returns nil.
//
// A tree is hashed row by row, each row in one batch: the result has half as many
// nodes as the pairs, and its neighbours are the pairs of the next level.
//
// Errors: those of [Combine]. The Index of an [ErrInvalidNode] is 2*i for the
// left node of pair i and 2*i+1 for the right one.
//
// Cost: 1 hash a pair, one crossing into the library, and no store. The pairs share
// inversions, so in a batch of hundreds a pair takes a fraction of the time of one
// [Combine]; docs/HASH.md has figures. From 4,096 pairs on, all cores share the
// work, and the call returns when all of them have ended; below, it runs on the
// caller's goroutine alone. The result does not depend on it. It takes some 130
// bytes a pair while it runs, the result among them.
func CombineBatch(level int, pairs [][2]Node) ([]Node, error) {
	return combine("CombineBatch", level, pairs)
}

func combine(op string, level int, pairs [][2]Node) ([]Node, error) {
	if level < 0 || level >= Depth {
		return nil, invalidArgument(op, "level %d, want 0 to %d", level, Depth-1)
	}
	if len(pairs) == 0 {
		return nil, nil
	}
	children := unsafe.Slice(&pairs[0][0][0], 2*len(Node{})*len(pairs))
	parents := make([]Node, len(pairs))
	if err := orchard.CombineBatch(op, level, children, nodesBytes(parents)); err != nil {
		return nil, err
	}
	return parents, nil
}
