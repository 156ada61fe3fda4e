package naive

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/kvshard/kvshard/examples/schemes"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

func leavesAt(first, n int) []hashtree.Node {
	leaves := make([]hashtree.Node, n)
	for i := range leaves {
		leaves[i] = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(first+i)))
	}
	return leaves
}

// TestSameTree: the naive trees come to the roots and paths of a hashtree, so that
// what they cost can be compared.
func TestSameTree(t *testing.T) {
	const depth = 10
	scheme, err := schemes.KeccakTree(depth)
	if err != nil {
		t.Fatal(err)
	}
	plain := Scheme{Depth: depth, Hasher: schemes.Keccak{}}
	tree, err := hashtree.Open(kvtest.Strict(t), scheme)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := NewNodeRecords(kvtest.Strict(t), plain)
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := NewRebuild(kvtest.Strict(t), plain)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, next := range []int{0, 1, 2, 3, 16, 17, 100, 255, 256, 1024} {
		batch := leavesAt(size, next-size)
		if _, err := tree.AppendBatch(batch); err != nil {
			t.Fatal(err)
		}
		if err := nodes.AppendBatch(batch); err != nil {
			t.Fatal(err)
		}
		if err := leaves.AppendBatch(batch); err != nil {
			t.Fatal(err)
		}
		size = next
		grown, err := NewNodeRecords(kvtest.Strict(t), plain)
		if err != nil {
			t.Fatal(err)
		}
		if err := grown.Grow(leavesAt(0, size)); err != nil {
			t.Fatal(err)
		}
		want, err := tree.Root()
		if err != nil {
			t.Fatal(err)
		}
		for name, naive := range map[string]interface {
			Root() (hashtree.Node, error)
			Path(uint64) ([]hashtree.Node, error)
		}{"nodes": nodes, "leaves": leaves, "grown": grown} {
			if size == 0 && name == "nodes" {
				continue // it has no record yet, the root's neither
			}
			if got, err := naive.Root(); err != nil || got != want {
				t.Errorf("%s: root of %d leaves %s, %v; want %s", name, size, got, err, want)
			}
			for position := 0; position < size; position += 1 + size/7 {
				w, err := tree.Witness(uint64(position))
				if err != nil {
					t.Fatal(err)
				}
				if path, err := naive.Path(uint64(position)); err != nil || !slices.Equal(path, w.Path) {
					t.Errorf("%s: path of leaf %d of %d: %v", name, position, size, err)
				}
			}
		}
	}
}
