package hashtree_test

import (
	"crypto/sha256"
	"testing"

	"github.com/kvshard/kvshard/hashtree"
)

// sha is SHA-256 of a tag, the level, and both children. It takes every leaf.
type sha struct{ tag byte }

func (h sha) combine(level int, left, right hashtree.Node) hashtree.Node {
	b := append([]byte{h.tag, byte(level)}, left[:]...)
	return sha256.Sum256(append(b, right[:]...))
}

func (h sha) CombineBatch(level int, children, parents []hashtree.Node) error {
	for i := range parents {
		parents[i] = h.combine(level, children[2*i], children[2*i+1])
	}
	return nil
}

func (sha) Canonical(hashtree.Node) bool { return true }

func newScheme(t testing.TB, name string, depth int, h hashtree.Hasher) *hashtree.Scheme {
	t.Helper()
	s, err := hashtree.NewScheme(name, depth, hashtree.Node{9}, h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func leafAt(position int) hashtree.Node {
	return hashtree.Node{byte(position), byte(position >> 8), byte(position >> 16), 7}
}

func leavesAt(first, n int) []hashtree.Node {
	leaves := make([]hashtree.Node, n)
	for i := range leaves {
		leaves[i] = leafAt(first + i)
	}
	return leaves
}

// recount has every node of a tree, by level, computed from the leaves alone.
func recount(h sha, depth int, leaves []hashtree.Node) (levels [][]hashtree.Node, root hashtree.Node) {
	empty := hashtree.Node{9}
	row := leaves
	for level := range depth {
		levels = append(levels, row)
		var above []hashtree.Node
		for i := 0; i < len(row); i += 2 {
			right := empty
			if i+1 < len(row) {
				right = row[i+1]
			}
			above = append(above, h.combine(level, row[i], right))
		}
		row, empty = above, h.combine(level, empty, empty)
	}
	levels = append(levels, row)
	if len(row) == 0 {
		return levels, empty
	}
	return levels, row[0]
}
