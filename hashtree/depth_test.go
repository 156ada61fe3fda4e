package hashtree_test

import (
	"errors"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/kvtest"
)

// TestEveryDepth: at each depth, at sizes up to the full tree, roots, witnesses,
// nodes and frontiers are those of a recount, and the store is sound.
func TestEveryDepth(t *testing.T) {
	for depth := 1; depth <= hashtree.MaxDepth; depth++ {
		h := sha{1}
		s := newScheme(t, "sha", depth, h)
		most := 200
		if depth < 8 {
			most = 1 << depth
		}
		for _, retention := range []kvshard.Retention{kvshard.Marked, kvshard.Ephemeral} {
			tree := open(t, kvtest.Strict(t), s, kvshard.WithRetention(retention), kvshard.WithMaxCheckpoints(1_000))
			for size := 0; size <= most; size++ {
				if size < 20 || size%16 < 2 || size == most {
					checkState(t, tree, h, size, retention)
				}
				if size < most {
					if position, err := tree.Append(leafAt(size)); position != uint64(size) || err != nil {
						t.Fatalf("depth %d, leaf %d: %d, %v", depth, size, position, err)
					}
					if err := tree.Checkpoint(uint32(size + 1)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if _, err := tree.Append(leafAt(0)); most == 1<<depth && !errors.Is(err, kvshard.ErrTreeFull) {
				t.Errorf("depth %d, a leaf too many: %v", depth, err)
			}
			checkPast(t, tree, h, most)
		}
	}
}

func open(t testing.TB, kv *kvtest.MemStore, s *hashtree.Scheme, opts ...kvshard.Option) *hashtree.Tree {
	t.Helper()
	tree, err := hashtree.Open(kv, s, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// checkState holds the tree as it is against a recount.
func checkState(t *testing.T, tree *hashtree.Tree, h sha, size int, retention kvshard.Retention) {
	t.Helper()
	s := tree.Scheme()
	levels, want := recount(h, s.Depth(), leavesAt(0, size))
	if root, err := tree.Root(); root != want || err != nil {
		t.Fatalf("%s, %d leaves: root %s, %v; want %s", s, size, root, err, want)
	}
	f, err := tree.Frontier()
	if err != nil || f.Size != uint64(size) {
		t.Fatalf("%s, %d leaves: frontier %+v, %v", s, size, f, err)
	}
	if root, err := s.FrontierRoot(f); root != want || err != nil {
		t.Fatalf("%s, %d leaves: root of the frontier %s, %v; want %s", s, size, root, err, want)
	}
	for level := range s.Depth() + 1 {
		complete := size >> level
		from := max(0, complete-3)
		nodes, err := tree.Nodes(level, uint64(from), uint64(complete-from))
		if retention == kvshard.Ephemeral && errors.Is(err, kvshard.ErrPruned) && level < 4 {
			continue
		}
		if err != nil {
			t.Fatalf("%s, %d leaves, level %d: %v", s, size, level, err)
		}
		for i, node := range nodes {
			if node != levels[level][from+i] {
				t.Fatalf("%s, %d leaves: node %d of level %d is %s", s, size, from+i, level, node)
			}
		}
	}
	for _, position := range []int{0, size / 3, size - 1} {
		if position < 0 || position >= size || retention == kvshard.Ephemeral && position != size-1 {
			continue
		}
		w, err := tree.Witness(uint64(position))
		if err != nil || len(w.Path) != s.Depth() {
			t.Fatalf("%s, %d leaves, position %d: %d nodes, %v", s, size, position, len(w.Path), err)
		}
		if err := s.VerifyWitness(w, want, leafAt(position)); err != nil {
			t.Fatalf("%s, %d leaves: %v", s, size, err)
		}
	}
	if size%3 == 0 {
		if err := tree.Check(); err != nil {
			t.Fatalf("%s, %d leaves: %v", s, size, err)
		}
	}
}

// checkPast rewinds the tree, and starts another one from a frontier of it.
func checkPast(t *testing.T, tree *hashtree.Tree, h sha, size int) {
	t.Helper()
	s := tree.Scheme()
	half := (size + 1) / 2
	_, want := recount(h, s.Depth(), leavesAt(0, half))
	if root, err := tree.RootAt(uint32(half)); root != want || err != nil {
		t.Fatalf("%s: root at checkpoint %d is %s, %v; want %s", s, half, root, err, want)
	}
	f, err := tree.FrontierAt(uint32(half))
	if err != nil {
		t.Fatal(err)
	}
	started := open(t, kvtest.Strict(t), s)
	if err := started.InsertFrontier(f, 1); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	if err := tree.Rewind(uint32(half)); err != nil {
		t.Fatal(err)
	}
	_, want = recount(h, s.Depth(), leavesAt(0, size))
	for _, tr := range []*hashtree.Tree{tree, started} {
		if _, err := tr.AppendBatch(leavesAt(half, size-half)); err != nil {
			t.Fatal(err)
		}
		if root, err := tr.Root(); root != want || err != nil {
			t.Fatalf("%s: root %s, %v; want %s", s, root, err, want)
		}
		if err := tr.Check(); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
