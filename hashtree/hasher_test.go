package hashtree_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/hashtree"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// A faulty hasher misbehaves at its call of a number.
type faulty struct {
	sha
	left      *int
	misdo     func(children, parents []hashtree.Node) error
	canonical func(hashtree.Node) bool
}

func (h faulty) CombineBatch(level int, children, parents []hashtree.Node) error {
	if *h.left--; *h.left == 0 {
		return h.misdo(children, parents)
	}
	return h.sha.CombineBatch(level, children, parents)
}

func (h faulty) Canonical(leaf hashtree.Node) bool {
	return h.canonical == nil || h.canonical(leaf)
}

var errHash = errors.New("the hash is out of order")

// TestHasherFails: an error or a panic of the hasher, at each of its calls in each
// call of a Tree, comes back as itself, and nothing was written.
func TestHasherFails(t *testing.T) {
	met := map[string]int{}
	for _, c := range treetest.Calls {
		for at := 1; ; at++ {
			left := -1
			panics := at%2 == 0
			h := faulty{sha: sha{1}, left: &left, misdo: func(_, _ []hashtree.Node) error {
				if panics {
					panic(errHash)
				}
				return errHash
			}}
			kv := kvtest.NewMemStore()
			tree := treetest.Fill(t, kv, newScheme(t, "sha", 32, h).Option())
			before := kv.Clone()
			left = at
			value, err := call(tree, c.Call)
			if left > 0 {
				break // it hashes no more often
			}
			met[c.Name]++
			var e *kvshard.Error
			switch {
			case panics && value != errHash:
				t.Errorf("%s, hash %d: panic %v, error %v; want the hasher's own", c.Name, at, value, err)
			case !panics && (!errors.Is(err, errHash) || !errors.Is(err, kvshard.ErrHasher) || !errors.As(err, &e) || e.Op != c.Name):
				t.Errorf("%s, hash %d: panic %v, error %v; want the hasher's own", c.Name, at, value, err)
			case !kv.Equal(before):
				t.Errorf("%s, hash %d: the store has changed:\n%s", c.Name, at, before.Diff(kv))
			}
		}
	}
	for _, name := range []string{"AppendBatch", "Root", "RootAt", "Witness", "WitnessAt", "Check", "Dump", "Nodes", "Adopt"} {
		if met[name] == 0 {
			t.Errorf("%s hashed nothing", name)
		}
	}
}

func call(tree *kvshard.Tree, c func(*kvshard.Tree) error) (panicked any, err error) {
	defer func() { panicked = recover() }()
	return nil, c(tree)
}

// TestHasherAnswersBadly: what a hasher must not answer is a typed error that
// tells which parent it is.
func TestHasherAnswersBadly(t *testing.T) {
	for name, c := range map[string]struct {
		misdo func(children, parents []hashtree.Node) error
		says  string
	}{
		"too few": {func(_, parents []hashtree.Node) error {
			for i := range parents[:len(parents)-1] {
				parents[i] = hashtree.Node{1}
			}
			return nil
		}, "unwritten"},
		"not canonical": {func(_, parents []hashtree.Node) error {
			for i := range parents {
				parents[i] = hashtree.Node{31: 0xEE}
			}
			return nil
		}, "not canonical"},
	} {
		left := -1
		h := faulty{sha: sha{1}, left: &left, misdo: c.misdo, canonical: func(n hashtree.Node) bool { return n[31] != 0xEE }}
		kv := kvtest.NewMemStore()
		tree := open(t, kv, newScheme(t, "sha", 20, h))
		if _, err := tree.Append(leafAt(0)); err != nil {
			t.Fatal(err)
		}
		before := kv.Clone()
		left = 1
		_, err := tree.AppendBatch(leavesAt(1, 40))
		var e *kvshard.Error
		if !errors.Is(err, kvshard.ErrHasher) || !errors.As(err, &e) || e.Op != "AppendBatch" || !strings.Contains(err.Error(), c.says) || !kv.Equal(before) {
			t.Errorf("%s: %v", name, err)
		}
		left = 1
		if _, err := hashtree.NewScheme("sha", 4, hashtree.Node{}, h); !errors.Is(err, kvshard.ErrHasher) || !strings.Contains(err.Error(), "NewScheme") {
			t.Errorf("%s: NewScheme: %v", name, err)
		}
		if _, err := tree.AppendBatch([]hashtree.Node{leafAt(1), {31: 0xEE}}); !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) || e.Index != 1 {
			t.Errorf("%s: a leaf that is not canonical: %v", name, err)
		}
	}
}

// TestHasherMayWriteItsChildren: what a hasher does to the slices that it is
// given, and keeps of them, reaches nobody.
func TestHasherMayWriteItsChildren(t *testing.T) {
	var kept [][]hashtree.Node
	h := spoiling{sha{1}, &kept}
	s := newScheme(t, "sha", 20, h)
	tree := open(t, kvtest.Strict(t), s)
	if _, err := tree.AppendBatch(leavesAt(0, 100)); err != nil {
		t.Fatal(err)
	}
	for _, nodes := range kept {
		clear(nodes)
	}
	_, want := recount(h.sha, 20, leavesAt(0, 100))
	if root, err := tree.Root(); root != want || err != nil {
		t.Errorf("%s, %v, want %s", root, err, want)
	}
	pair := leavesAt(0, 2)
	if _, err := s.CombineBatch(0, pair); err != nil || pair[0] != leafAt(0) {
		t.Errorf("%v, %v", pair, err)
	}
}

type spoiling struct {
	sha
	kept *[][]hashtree.Node
}

func (h spoiling) CombineBatch(level int, children, parents []hashtree.Node) error {
	err := h.sha.CombineBatch(level, children, parents)
	clear(children)
	*h.kept = append(*h.kept, children, parents)
	return err
}

// A nested hasher asks another tree while it hashes.
type nested struct {
	sha
	other *kvshard.Tree
	want  kvshard.Node
}

func (h nested) CombineBatch(level int, children, parents []hashtree.Node) error {
	if root, err := h.other.Root(); root != h.want || err != nil {
		return fmt.Errorf("the other tree: %s, %w", root, err)
	}
	return h.sha.CombineBatch(level, children, parents)
}

// TestHasherUsesAnotherTree: a hasher may call Trees over other stores.
func TestHasherUsesAnotherTree(t *testing.T) {
	other := treetest.Fill(t, kvtest.Strict(t))
	want, err := other.Root()
	if err != nil {
		t.Fatal(err)
	}
	tree := open(t, kvtest.Strict(t), newScheme(t, "sha", 32, nested{sha{1}, other, want}))
	if _, err := tree.AppendBatch(leavesAt(0, 300)); err != nil {
		t.Fatal(err)
	}
	_, root := recount(sha{1}, 32, leavesAt(0, 300))
	if got, err := tree.Root(); got != root || err != nil {
		t.Errorf("%s, %v, want %s", got, err, root)
	}
}

// TestHasherCalls: the hasher is called once a level, and for the few older nodes
// that a new quad takes in; Stats counts it.
func TestHasherCalls(t *testing.T) {
	calls := 0
	h := counting{sha{1}, &calls}
	s := newScheme(t, "sha", 32, h)
	var stats kvshard.Stats
	tree := open(t, kvtest.Strict(t), s, kvshard.WithObserver(func(s kvshard.Stats) { stats = s }))
	for _, c := range []struct {
		leaves int
		want   int // levels on which nodes are completed
	}{
		{1, 0}, {15, 4}, {240, 8}, {1, 0},
		// 12 levels; the first quad of level 7 takes in two nodes, each the top of
		// four that are stored.
		{3_839, 12 + 6},
	} {
		calls = 0
		size, err := tree.Size()
		if err == nil {
			_, err = tree.AppendBatch(leavesAt(int(size), c.leaves))
		}
		if err != nil {
			t.Fatal(err)
		}
		if calls != c.want || stats.HasherCalls != uint64(calls) {
			t.Errorf("%d leaves at %d: %d calls, %d in Stats, want %d", c.leaves, size, calls, stats.HasherCalls, c.want)
		}
	}
	calls = 0
	if _, err := tree.Root(); err != nil || stats.HasherCalls != uint64(calls) || calls > 32 {
		t.Errorf("Root: %d calls, %d in Stats, %v", calls, stats.HasherCalls, err)
	}
	built := open(t, kvtest.Strict(t), hashtree.VotePoseidon(), kvshard.WithObserver(func(s kvshard.Stats) { stats = s }))
	if _, err := built.AppendBatch(leavesAt(0, 40)); err != nil || stats.HasherCalls != 0 || stats.Hashes == 0 {
		t.Errorf("a built-in hash: %+v, %v", stats, err)
	}
}

type counting struct {
	sha
	calls *int
}

func (h counting) CombineBatch(level int, children, parents []hashtree.Node) error {
	*h.calls++
	return h.sha.CombineBatch(level, children, parents)
}
