package hashtree_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

// A cheapHash is SHA-256 over the level and both children.
type cheapHash struct{}

func cheap(level int, left, right hashtree.Node) hashtree.Node {
	return sha256.Sum256(slices.Concat([]byte{byte(level)}, left[:], right[:]))
}

func (cheapHash) CombineBatch(level int, children, parents []hashtree.Node) error {
	for i := range parents {
		parents[i] = cheap(level, children[2*i], children[2*i+1])
	}
	return nil
}

func (cheapHash) Canonical(hashtree.Node) bool { return true }

// TestNodesOfEveryDepth: in trees of small depths, below the height of a shard
// too, each complete node of each level and each past frontier is that of a
// recount, up to the full tree.
func TestNodesOfEveryDepth(t *testing.T) {
	for depth := 1; depth <= 8; depth++ {
		t.Run(fmt.Sprint(depth), func(t *testing.T) {
			scheme, err := hashtree.NewScheme("test-sha256", depth, hashtree.Node{}, cheapHash{})
			if err != nil {
				t.Fatal(err)
			}
			tree, err := hashtree.Open(kvtest.Strict(t), scheme)
			if err != nil {
				t.Fatal(err)
			}
			levels := make([][]hashtree.Node, depth+1)
			frontiers := []hashtree.Frontier{{}}
			for size := uint64(1); size <= 1<<depth; size++ {
				leaf := hashtree.Node(sha256.Sum256([]byte{byte(size), byte(size >> 8)}))
				if _, err := tree.Append(leaf); err != nil {
					t.Fatal(err)
				}
				if err := tree.Checkpoint(uint32(size)); err != nil {
					t.Fatal(err)
				}
				levels[0] = append(levels[0], leaf)
				f := hashtree.Frontier{Size: size, Leaf: leaf}
				for level := range depth {
					if n := len(levels[level]); size%(2<<level) == 0 {
						levels[level+1] = append(levels[level+1], cheap(level, levels[level][n-2], levels[level][n-1]))
					}
					if at := (size - 1) >> level; at&1 == 1 {
						f.Ommers = append(f.Ommers, levels[level][at-1])
					}
				}
				frontiers = append(frontiers, f)
				if newest, ok, err := tree.Newest(); newest.Size != size || newest.ID != uint32(size) || !ok || err != nil {
					t.Fatalf("newest %+v, %v, %v", newest, ok, err)
				}
				if size%7 != 0 && size != 1<<depth {
					continue
				}
				for level, want := range levels {
					got, err := tree.Nodes(level, 0, uint64(len(want)))
					if err != nil || !slices.Equal(got, want) {
						t.Fatalf("level %d of %d leaves: %x, %v, want %x", level, size, got, err, want)
					}
					if _, err := tree.Nodes(level, 0, uint64(len(want))+1); !errors.Is(err, kvshard.ErrPositionNotFound) {
						t.Fatalf("level %d of %d leaves, one more: %v", level, size, err)
					}
				}
				for at, want := range frontiers {
					if f, err := tree.FrontierAtSize(uint64(at)); err != nil || !reflect.DeepEqual(f, want) {
						t.Fatalf("frontier at %d of %d: %+v, %v, want %+v", at, size, f, err, want)
					}
				}
				if f, err := tree.FrontierAt(uint32(size)); err != nil || !reflect.DeepEqual(f, frontiers[size]) {
					t.Fatalf("frontier at checkpoint %d: %+v, %v", size, f, err)
				}
			}
			root, err := tree.Root()
			if err != nil {
				t.Fatal(err)
			}
			if nodes, err := tree.Nodes(depth, 0, 1); err != nil || nodes[0] != root {
				t.Errorf("the node of level %d is %x, %v, want the root %s", depth, nodes, err, root)
			}
			if _, err := tree.Nodes(depth+1, 0, 0); !errors.Is(err, kvshard.ErrInvalidArgument) {
				t.Errorf("level %d: %v", depth+1, err)
			}
		})
	}
}
