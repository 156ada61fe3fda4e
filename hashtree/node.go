package hashtree

import (
	"encoding/hex"
	"fmt"
	"unsafe"

	"github.com/kvshard/kvshard"
)

// A Node is a leaf or an inner node of a tree, the root included: 32 bytes that
// mean what the scheme's hash says.
type Node [32]byte

// ParseNode reads a node from the 64 hex digits of its 32 bytes, in their order.
// Only the scheme knows whether the node is canonical: that is checked where the
// node is used.
//
// Errors: [kvshard.ErrInvalidNode] for any other text.
func ParseNode(text string) (Node, error) {
	return parseNode("ParseNode", text)
}

func parseNode(op, text string) (n Node, err error) {
	if len(text) != hex.EncodedLen(len(n)) {
		return Node{}, invalidNode(op, 0, fmt.Sprintf("%d characters, want %d hex digits", len(text), hex.EncodedLen(len(n))))
	}
	if _, err := hex.Decode(n[:], []byte(text)); err != nil {
		return Node{}, invalidNode(op, 0, err.Error())
	}
	return n, nil
}

// String returns the 64 lower-case hex digits that [ParseNode] reads.
func (n Node) String() string { return hex.EncodeToString(n[:]) }

// MarshalText returns the same text as String.
//
// Errors: none.
func (n Node) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what [ParseNode] reads. An error leaves the node alone.
//
// Errors: those of [ParseNode].
func (n *Node) UnmarshalText(text []byte) error {
	parsed, err := parseNode("UnmarshalText", string(text))
	if err != nil {
		return err
	}
	*n = parsed
	return nil
}

// bytesOf returns the bytes of nodes, which lie one behind the other.
func bytesOf(nodes []Node) []byte {
	if len(nodes) == 0 {
		return nil
	}
	return unsafe.Slice(&nodes[0][0], len(nodes)*len(Node{}))
}

// nodesOf returns the nodes that whole 32 bytes are.
func nodesOf(b []byte) []Node {
	if len(b) == 0 {
		return nil
	}
	// An array of bytes needs no alignment.
	return unsafe.Slice((*Node)(unsafe.Pointer(&b[0])), len(b)/len(Node{}))
}

// plain returns the nodes as the engine's package has them, in the same memory.
func plain(nodes []Node) []kvshard.Node {
	if len(nodes) == 0 {
		return nil
	}
	// Both types are the same array of bytes.
	return unsafe.Slice((*kvshard.Node)(unsafe.Pointer(&nodes[0])), len(nodes))
}

// own returns nodes of the engine's package as this one's, in the same memory.
func own(nodes []kvshard.Node) []Node {
	if len(nodes) == 0 {
		return nil
	}
	return unsafe.Slice((*Node)(unsafe.Pointer(&nodes[0])), len(nodes))
}
