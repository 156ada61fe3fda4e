// Package treestate reads and writes the encoding of a frontier that Zcash
// nodes speak: the legacy CommitmentTree, as z_gettreestate and lightwalletd
// give it in hex (zcash_primitives, merkle_tree::read_commitment_tree).
//
//	left     optional node
//	right    optional node
//	parents  CompactSize count, then optional nodes
//
// An optional node is 00, or 01 and 32 bytes. The newest leaf is right, or
// left if there is no right; parents[i] is the complete subtree of 2^(i+1)
// leaves on the left of its path, if there is one.
package treestate

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/kvshard/kvshard"
)

// ErrInvalid is wrapped by the errors of Decode.
var ErrInvalid = errors.New("no encoded commitment tree")

// maxParents of a tree of depth 32: parents are at levels 1 to 31.
const maxParents = kvshard.Depth - 1

// Decode reads a frontier. It checks the form; whether a node is canonical is
// seen where it is used.
func Decode(raw []byte) (kvshard.Frontier, error) {
	d := decoder{rest: raw}
	left, right := d.optional("left"), d.optional("right")
	count := d.compactSize()
	if d.err == nil && count > maxParents {
		d.fail("%d parents, and a tree of depth %d has at most %d", count, kvshard.Depth, maxParents)
	}
	var f kvshard.Frontier
	if right != nil {
		if left == nil {
			d.fail("a right leaf without a left one")
		} else {
			f.Size, f.Leaf, f.Ommers = 2, *right, []kvshard.Node{*left}
		}
	} else if left != nil {
		f.Size, f.Leaf = 1, *left
	}
	for i := uint64(0); d.err == nil && i < count; i++ {
		parent := d.optional(fmt.Sprintf("parent %d", i))
		if parent == nil {
			continue
		}
		if left == nil {
			d.fail("parent %d without a leaf", i)
		}
		f.Size += 1 << (i + 1)
		f.Ommers = append(f.Ommers, *parent)
	}
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes behind the end", len(d.rest))
	}
	if d.err != nil {
		return kvshard.Frontier{}, d.err
	}
	return f, nil
}

// Encode writes a frontier; Decode reads it back. The frontier must have one
// ommer for each 1 bit of the newest leaf's position.
func Encode(f kvshard.Frontier) ([]byte, error) {
	if f.Size == 0 {
		return []byte{0, 0, 0}, nil
	}
	position := f.Size - 1
	if f.Size > 1<<kvshard.Depth || len(f.Ommers) != bits.OnesCount64(position) {
		return nil, fmt.Errorf("no frontier of size %d has %d ommers", f.Size, len(f.Ommers))
	}
	var raw []byte
	ommers := f.Ommers
	put := func(there bool, node kvshard.Node) {
		if !there {
			raw = append(raw, 0)
			return
		}
		raw = append(append(raw, 1), node[:]...)
	}
	if position&1 == 1 {
		put(true, ommers[0])
		put(true, f.Leaf)
		ommers = ommers[1:]
	} else {
		put(true, f.Leaf)
		put(false, kvshard.Node{})
	}
	levels := bits.Len64(position >> 1)
	raw = append(raw, byte(levels)) // below 253
	for level := range levels {
		if position>>(level+1)&1 == 0 {
			put(false, kvshard.Node{})
			continue
		}
		put(true, ommers[0])
		ommers = ommers[1:]
	}
	return raw, nil
}

type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
	}
}

func (d *decoder) take(n int, what string) []byte {
	if d.err != nil {
		return nil
	}
	if len(d.rest) < n {
		d.fail("it ends within %s", what)
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) optional(what string) *kvshard.Node {
	tag := d.take(1, what)
	if d.err != nil {
		return nil
	}
	switch tag[0] {
	case 0:
		return nil
	case 1:
		if raw := d.take(32, what); d.err == nil {
			node := kvshard.Node(raw)
			return &node
		}
	default:
		d.fail("%s begins with %#02x, want 0 or 1", what, tag[0])
	}
	return nil
}

// compactSize reads Bitcoin's, of which one byte is all that can be valid here.
func (d *decoder) compactSize() uint64 {
	first := d.take(1, "the number of parents")
	if d.err != nil {
		return 0
	}
	if first[0] >= 253 {
		d.fail("too many parents")
		return 0
	}
	return uint64(first[0])
}
