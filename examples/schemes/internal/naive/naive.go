// Package naive has the two ways in which chains keep a Merkle tree in their store
// when they have no library for it, to be measured beside package hashtree: a
// record a leaf and all hashed anew for each root; and a record a node.
package naive

import (
	"encoding/binary"
	"fmt"

	"cosmossdk.io/core/store"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
)

// A Scheme is what a tree is hashed by.
type Scheme struct {
	Depth  int
	Empty  hashtree.Node
	Hasher hashtree.Hasher
}

// empties returns the roots of empty trees of depth 0 up to the scheme's.
func (s Scheme) empties() ([]hashtree.Node, error) {
	nodes := []hashtree.Node{s.Empty}
	for level := range s.Depth {
		parent, err := s.combine(level, nodes[level], nodes[level])
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, parent)
	}
	return nodes, nil
}

func (s Scheme) combine(level int, left, right hashtree.Node) (hashtree.Node, error) {
	var parent [1]hashtree.Node
	err := s.Hasher.CombineBatch(level, []hashtree.Node{left, right}, parent[:])
	return parent[0], err
}

// up returns the parents of a row of nodes at level, the last with an empty sibling
// if it has none.
func (s Scheme) up(level int, row []hashtree.Node, empty hashtree.Node) ([]hashtree.Node, error) {
	if len(row)%2 == 1 {
		row = append(row, empty)
	}
	parents := make([]hashtree.Node, len(row)/2)
	err := s.Hasher.CombineBatch(level, row, parents)
	return parents, err
}

const (
	sizeKey    = 0x01
	nodePrefix = 0x02 // then the level, and the index, u64 BE
)

func nodeKey(level int, index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{nodePrefix, byte(level)}, index)
}

// A base is what both trees share: the scheme, the store, and the record of the
// size.
type base struct {
	kv      store.KVStore
	scheme  Scheme
	empties []hashtree.Node // by level: a table that every such tree has
}

func newBase(kv store.KVStore, s Scheme) (base, error) {
	empties, err := s.empties()
	return base{kv, s, empties}, err
}

func (b *base) size() (uint64, error) {
	value, err := b.kv.Get([]byte{sizeKey})
	if err != nil || value == nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(value), nil
}

func (b *base) setSize(size uint64) error {
	return b.kv.Set([]byte{sizeKey}, binary.BigEndian.AppendUint64(nil, size))
}

// get returns a node, an empty one if it has no record.
func (b *base) get(level int, index uint64) (node hashtree.Node, err error) {
	value, err := b.kv.Get(nodeKey(level, index))
	switch {
	case err != nil:
		return node, err
	case value == nil:
		return b.empties[level], nil
	case len(value) != len(node):
		return node, fmt.Errorf("a node of %d bytes", len(value))
	}
	return hashtree.Node(value), nil
}

// set writes a node, in a slice that is the store's from then on.
func (b *base) set(level int, index uint64, node hashtree.Node) error {
	return b.kv.Set(nodeKey(level, index), append([]byte(nil), node[:]...))
}

// A Rebuild stores the leaves, and hashes them all for every root and path.
type Rebuild struct{ base }

// NewRebuild returns such a tree over the store.
func NewRebuild(kv store.KVStore, s Scheme) (*Rebuild, error) {
	b, err := newBase(kv, s)
	return &Rebuild{b}, err
}

// AppendBatch appends leaves.
func (t *Rebuild) AppendBatch(leaves []hashtree.Node) error {
	size, err := t.size()
	if err != nil {
		return err
	}
	for i, leaf := range leaves {
		if err := t.set(0, size+uint64(i), leaf); err != nil {
			return err
		}
	}
	return t.setSize(size + uint64(len(leaves)))
}

// Root returns the root of all leaves.
func (t *Rebuild) Root() (hashtree.Node, error) {
	root, _, err := t.build(0)
	return root, err
}

// Path returns the siblings of a leaf, from the lowest level up.
func (t *Rebuild) Path(position uint64) ([]hashtree.Node, error) {
	_, path, err := t.build(position)
	return path, err
}

func (t *Rebuild) build(position uint64) (root hashtree.Node, path []hashtree.Node, err error) {
	row, err := t.leaves()
	if err != nil {
		return root, nil, err
	}
	for level := range t.scheme.Depth {
		sibling := t.empties[level]
		if i := position>>level ^ 1; i < uint64(len(row)) {
			sibling = row[i]
		}
		path = append(path, sibling)
		if row, err = t.scheme.up(level, row, t.empties[level]); err != nil {
			return root, nil, err
		}
	}
	if len(row) == 0 {
		return t.empties[t.scheme.Depth], path, nil
	}
	return row[0], path, nil
}

func (t *Rebuild) leaves() (leaves []hashtree.Node, _ error) {
	for entry, err := range kvshard.Entries(t.kv, nodeKey(0, 0), nodeKey(1, 0)) {
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, hashtree.Node(entry.Value))
	}
	return leaves, nil
}

// A NodeRecords stores each node in a record of its own: an append reads the
// siblings on the way to the root and writes the nodes on it.
type NodeRecords struct{ base }

// NewNodeRecords returns such a tree over the store.
func NewNodeRecords(kv store.KVStore, s Scheme) (*NodeRecords, error) {
	b, err := newBase(kv, s)
	return &NodeRecords{b}, err
}

// AppendBatch appends leaves, one after the other.
func (t *NodeRecords) AppendBatch(leaves []hashtree.Node) error {
	size, err := t.size()
	if err != nil {
		return err
	}
	for i, leaf := range leaves {
		if err := t.insert(size+uint64(i), leaf); err != nil {
			return err
		}
	}
	return t.setSize(size + uint64(len(leaves)))
}

func (t *NodeRecords) insert(position uint64, node hashtree.Node) error {
	for level := range t.scheme.Depth {
		index := position >> level
		if err := t.set(level, index, node); err != nil {
			return err
		}
		sibling, err := t.get(level, index^1)
		if err != nil {
			return err
		}
		left, right := node, sibling
		if index%2 == 1 {
			left, right = sibling, node
		}
		if node, err = t.scheme.combine(level, left, right); err != nil {
			return err
		}
	}
	return t.set(t.scheme.Depth, 0, node)
}

// Grow writes the records of a tree that has these leaves, each once: what
// AppendBatch comes to, in less time.
func (t *NodeRecords) Grow(leaves []hashtree.Node) error {
	row := leaves
	for level := 0; ; level++ {
		for i, node := range row {
			if err := t.set(level, uint64(i), node); err != nil {
				return err
			}
		}
		if level == t.scheme.Depth {
			return t.setSize(uint64(len(leaves)))
		}
		var err error
		if row, err = t.scheme.up(level, row[:len(row):len(row)], t.empties[level]); err != nil {
			return err
		}
	}
}

// Root returns the root of all leaves.
func (t *NodeRecords) Root() (hashtree.Node, error) { return t.get(t.scheme.Depth, 0) }

// Path returns the siblings of a leaf, from the lowest level up.
func (t *NodeRecords) Path(position uint64) ([]hashtree.Node, error) {
	path := make([]hashtree.Node, t.scheme.Depth)
	for level := range path {
		sibling, err := t.get(level, position>>level^1)
		if err != nil {
			return nil, err
		}
		path[level] = sibling
	}
	return path, nil
}
