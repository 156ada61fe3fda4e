//go:build cgo

package kvshard

import (
	"fmt"
	"math/bits"
)

// A tree state is how Zcash's nodes encode a frontier: the legacy
// CommitmentTree (zcash_primitives, merkle_tree::read_commitment_tree).
//
//	left     optional node
//	right    optional node
//	parents  CompactSize count, then optional nodes
//
// An optional node is 00, or 01 and 32 bytes. The newest leaf is right, or
// left if there is no right; parents[i] is the complete subtree of 2^(i+1)
// leaves on the left of its path, if there is one.

// mostParents of a tree of depth 32: they are at levels 1 to 31.
const mostParents = Depth - 1

// MarshalTreestate returns the frontier in bytes, as Zcash's nodes and wallets
// have it. Their hex is the field orchard.commitments.finalState of
// z_gettreestate, and orchardTree of lightwalletd. It takes 3 bytes for the empty
// tree, and at most 1,090. It hashes nothing.
//
// Errors: [ErrInvalidArgument] if the frontier has a wrong shape;
// [ErrInvalidNode] if its leaf or an ommer is not canonical, with Index 0 for the
// leaf and i+1 for Ommers[i].
func (f Frontier) MarshalTreestate() ([]byte, error) {
	const op = "Frontier.MarshalTreestate"
	if wrong := f.check(); wrong != "" {
		return nil, invalidArgument(op, "%s", wrong)
	}
	if err := checkNodes(op, 0, append([]Node{f.Leaf}, f.Ommers...)...); err != nil {
		return nil, err
	}
	if f.Size == 0 {
		return []byte{0, 0, 0}, nil
	}
	var data []byte
	ommers := f.Ommers
	put := func(node *Node) {
		if node == nil {
			data = append(data, 0)
			return
		}
		data = append(append(data, 1), node[:]...)
	}
	position := f.Size - 1
	// ommerAt takes the next ommer if there is one at the level.
	ommerAt := func(level int) (ommer *Node) {
		if position>>level&1 == 1 {
			ommer, ommers = &ommers[0], ommers[1:]
		}
		return ommer
	}
	if left := ommerAt(0); left != nil {
		put(left)
		put(&f.Leaf)
	} else {
		put(&f.Leaf)
		put(nil)
	}
	levels := bits.Len64(position >> 1)
	data = append(data, byte(levels)) // below 253
	for level := range levels {
		put(ommerAt(level + 1))
	}
	return data, nil
}

// ParseTreestate reads a frontier from the bytes that
// [Frontier.MarshalTreestate] describes.
//
// The pools of Zcash share this encoding. Nearly half of Sapling's nodes are not
// canonical here, so almost every tree state of that pool is refused, but not
// all. Compare [Frontier.Root] with a root that you trust, say finalRoot of
// z_gettreestate.
//
// Errors: [ErrInvalidArgument] for bytes that are cut, that go on behind the
// end, or that are not this encoding; [ErrInvalidNode] for a node that is not
// canonical, with Index 0 for the leaf and i+1 for Ommers[i].
func ParseTreestate(data []byte) (Frontier, error) {
	r := treestateReader{rest: data}
	left, right := r.optional("left"), r.optional("right")
	count := r.byte("the number of parents")
	if count > mostParents {
		r.fail("%d parents, and a tree of depth %d has at most %d", count, Depth, mostParents)
	}
	var f Frontier
	switch {
	case right != nil && left == nil:
		r.fail("a right leaf without a left one")
	case right != nil:
		f = Frontier{Size: 2, Leaf: *right, Ommers: []Node{*left}}
	case left != nil:
		f = Frontier{Size: 1, Leaf: *left}
	}
	for i := 0; i < int(count) && r.wrong == ""; i++ {
		parent := r.optional(fmt.Sprintf("parent %d", i))
		if parent == nil {
			continue
		}
		if left == nil {
			r.fail("parent %d without a leaf", i)
		}
		f.Size += 1 << (i + 1)
		f.Ommers = append(f.Ommers, *parent)
	}
	if len(r.rest) > 0 {
		r.fail("%d bytes behind the end", len(r.rest))
	}
	const op = "ParseTreestate"
	if r.wrong != "" {
		return Frontier{}, invalidArgument(op, "the bytes are no tree state: %s", r.wrong)
	}
	if err := checkNodes(op, 0, append([]Node{f.Leaf}, f.Ommers...)...); err != nil {
		return Frontier{}, err
	}
	return f, nil
}

// A treestateReader takes a tree state apart. After the first thing that is
// wrong it reads nothing more.
type treestateReader struct {
	rest  []byte
	wrong string
}

func (r *treestateReader) fail(format string, args ...any) {
	if r.wrong == "" {
		r.wrong = fmt.Sprintf(format, args...)
	}
}

func (r *treestateReader) take(n int, what string) []byte {
	if r.wrong != "" {
		return nil
	}
	if len(r.rest) < n {
		r.fail("they end within %s", what)
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// byte also reads a CompactSize: one that is valid here takes one byte, and the
// first of a longer one is above each.
func (r *treestateReader) byte(what string) byte {
	if taken := r.take(1, what); taken != nil {
		return taken[0]
	}
	return 0
}

func (r *treestateReader) optional(what string) *Node {
	switch tag := r.byte(what); tag {
	case 0:
	case 1:
		if taken := r.take(len(Node{}), what); taken != nil {
			node := Node(taken)
			return &node
		}
	default:
		r.fail("%s begins with %#02x, want 0 or 1", what, tag)
	}
	return nil
}
