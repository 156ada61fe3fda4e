package tests

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// A recount has every complete node over the leaves of treetest.LeafAt, level
// by level, hashed without a tree.
type recount [][]kvshard.Node

func newRecount(t testing.TB, size int) recount {
	t.Helper()
	levels := recount{treetest.LeavesAt(0, size)}
	for level := 0; len(levels[level]) > 1; level++ {
		var pairs [][2]kvshard.Node
		for i := 0; i+1 < len(levels[level]); i += 2 {
			pairs = append(pairs, [2]kvshard.Node(levels[level][i:]))
		}
		parents, err := kvshard.CombineBatch(level, pairs)
		if err != nil {
			t.Fatal(err)
		}
		levels = append(levels, parents)
	}
	return levels
}

// frontier returns the frontier of the first leaves.
func (r recount) frontier(size uint64) (f kvshard.Frontier) {
	if size == 0 {
		return f
	}
	f = kvshard.Frontier{Size: size, Leaf: r[0][size-1]}
	for level := 0; (size-1)>>level > 0; level++ {
		if at := (size - 1) >> level; at&1 == 1 {
			f.Ommers = append(f.Ommers, r[level][at-1])
		}
	}
	return f
}

// verify compares each node, some ranges, each frontier and the newest
// checkpoint with the recount. kept tells whether all leaves under a node are
// kept.
func (r recount) verify(t *testing.T, random *rand.Rand, tree *kvshard.Tree, kept func(level int, index uint64) bool) {
	t.Helper()
	size, err := tree.Size()
	if err != nil {
		t.Fatal(err)
	}
	for level := range kvshard.Depth + 1 {
		count := size >> level
		there := make([]bool, count)
		for index := range count {
			nodes, err := tree.Nodes(level, index, 1)
			there[index] = err == nil
			switch {
			case err == nil && len(nodes) == 1 && nodes[0] == r[level][index]:
			case errors.Is(err, kvshard.ErrPruned) && !kept(level, index):
			default:
				t.Fatalf("node %d of level %d among %d leaves: %v, %v", index, level, size, nodes, err)
			}
		}
		for range 3 {
			first := random.Uint64N(count + 1)
			n := random.Uint64N(count - first + 1)
			nodes, err := tree.Nodes(level, first, n)
			if slices.Contains(there[first:first+n], false) {
				if !errors.Is(err, kvshard.ErrPruned) || nodes != nil {
					t.Fatalf("%d nodes of level %d from %d: %v, %v", n, level, first, nodes, err)
				}
			} else if err != nil || len(nodes) != int(n) || n > 0 && !slices.Equal(nodes, r[level][first:first+n]) {
				t.Fatalf("%d nodes of level %d from %d: %v, %v", n, level, first, nodes, err)
			}
		}
		for _, beyond := range [][2]uint64{{count, 1}, {0, count + 1}, {count + 1, 0}, {1<<64 - 1, 1}} {
			if nodes, err := tree.Nodes(level, beyond[0], beyond[1]); !errors.Is(err, kvshard.ErrPositionNotFound) || nodes != nil {
				t.Fatalf("%d nodes of level %d from %d: %v, %v", beyond[1], level, beyond[0], nodes, err)
			}
		}
	}
	for at := range size + 1 {
		f, err := tree.FrontierAtSize(at)
		if errors.Is(err, kvshard.ErrPruned) && at > 0 {
			if _, err := tree.Leaf(at - 1); !errors.Is(err, kvshard.ErrPruned) {
				t.Fatalf("the frontier at %d was pruned, and its leaf was not: %v", at, err)
			}
		} else if err != nil || !reflect.DeepEqual(f, r.frontier(at)) {
			t.Fatalf("frontier at %d of %d: %+v, %v", at, size, f, err)
		}
	}
	if _, err := tree.FrontierAtSize(size + 1); !errors.Is(err, kvshard.ErrPositionNotFound) {
		t.Fatalf("a frontier of the future: %v", err)
	}
	var last kvshard.Checkpoint
	any := false
	for c, err := range tree.Checkpoints() {
		if err != nil {
			t.Fatal(err)
		}
		last, any = c, true
		f, err := tree.FrontierAt(c.ID)
		if err != nil || !reflect.DeepEqual(f, r.frontier(c.Size)) {
			t.Fatalf("frontier at checkpoint %d: %+v, %v", c.ID, f, err)
		}
		root, err := f.Root()
		if want, werr := tree.RootAt(c.ID); root != want || err != nil || werr != nil {
			t.Fatalf("root at checkpoint %d: %s, %v; want %s, %v", c.ID, root, err, want, werr)
		}
	}
	if newest, ok, err := tree.Newest(); newest != last || ok != any || err != nil {
		t.Fatalf("newest %+v, %v, %v; want %+v, %v", newest, ok, err, last, any)
	}
	if _, err := tree.FrontierAt(last.ID + 1); !errors.Is(err, kvshard.ErrCheckpointNotFound) {
		t.Fatalf("a frontier of no checkpoint: %v", err)
	}
}

// TestNodesOverHistories: a tree's nodes and past frontiers equal a recount,
// whatever happened to the tree.
func TestNodesOverHistories(t *testing.T) {
	all := newRecount(t, 4_000)
	seeds(t, 12, func(t *testing.T, random *rand.Rand) {
		h := &history{random: random}
		mem := kvtest.Strict(t)
		opts := []kvshard.Option{kvshard.WithMaxCheckpoints(1 + random.Uint32N(6)), kvshard.WithPrefix([]byte("notes/"))}
		marked := random.IntN(2) == 0
		if !marked {
			opts = append(opts, kvshard.WithRetention(kvshard.Ephemeral))
		}
		tree := treetest.Open(t, mem, opts...)
		kinds := []string{"append", "append", "append", "checkpoint", "checkpoint", "retain", "release", "rewind"}
		if random.IntN(2) == 0 {
			kinds, marked = append(kinds, "unmark"), false
		}
		kept := func(level int, _ uint64) bool { return marked || level >= 4 }
		for i := range 40 {
			before := *h
			e := h.next(kinds...)
			if err := apply(tree, e); err != nil {
				if e.kind == "append" || e.kind == "checkpoint" {
					t.Fatal(err)
				}
				*h = before // the call was about a checkpoint that was pruned
			}
			if i%13 == 12 {
				all.verify(t, random, tree, kept)
			}
		}
		all.verify(t, random, tree, kept)
	})
}

// TestNodesOfStartedTrees: a tree that started from a frontier has what came
// after the frontier and, of what came before, only the ommers.
func TestNodesOfStartedTrees(t *testing.T) {
	all := newRecount(t, 2_000)
	sizes := []uint64{1, 2, 15, 16, 17, 32, 100, 128, 129, 511, 512, 513, 1_000}
	for _, start := range sizes {
		t.Run(fmt.Sprint(start), func(t *testing.T) {
			random := rand.New(rand.NewPCG(start, 0))
			mem := kvtest.Strict(t)
			tree := treetest.Open(t, mem)
			if err := tree.InsertFrontier(all.frontier(start), 1); err != nil {
				t.Fatal(err)
			}
			origin := (start - 1) &^ 15
			kept := func(level int, index uint64) bool {
				first, end := index<<level, (index+1)<<level
				ommer := (start-1)>>level&1 == 1 && index == (start-1)>>level-1
				return ommer || first >= start-1 || level >= 4 && end > origin
			}
			all.verify(t, random, tree, kept)
			for id, n := range []int{1, 14, 40, 300, 1} {
				size, err := tree.Size()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := treetest.Block(tree, size, n, uint32(id)+2); err != nil {
					t.Fatal(err)
				}
				all.verify(t, random, tree, kept)
			}
		})
	}
}

// TestCostOfNodes counts what a wallet's queries cost in a tree of 200,000
// leaves.
func TestCostOfNodes(t *testing.T) {
	const size = 200_000
	m := newMeter(t, kvtest.Strict(t))
	treetest.Grow(t, m.tree, size)
	if err := m.tree.Checkpoint(1); err != nil {
		t.Fatal(err)
	}
	count := func(f func() error) (gets, hashes uint64) {
		t.Helper()
		before := m.stats.Gets
		c := m.of(t, f)
		if c.Ops != m.stats.Gets-before {
			t.Errorf("%d operations, of which %d are gets", c.Ops, m.stats.Gets-before)
		}
		return c.Ops, c.Hashes
	}
	for _, c := range []struct {
		level        int
		first, count uint64
		gets, hashes uint64
	}{
		{16, 0, 3, 3, 2},                       // tip, cap, a quad; the third is a peak
		{0, 65_536, 65_536, 4_097, 0},          // tip and shards
		{8, 0, 781, 392, 780},                  // half a quad and a hash a node; the last is a peak
		{4, 0, 4_096, 4_097, 61_440},           // a shard and 15 hashes a node
		{5, 0, 4_096, 1_025, 0},                // a quarter of a quad a node
		{2, 16_384, 1_000, 251, 3_000},         // a shard for 4 nodes
		{0, 199_999, 1, 2, 0}, {0, 7, 0, 1, 0}, // one leaf; none
	} {
		gets, hashes := count(func() error { _, err := m.tree.Nodes(c.level, c.first, c.count); return err })
		if gets != c.gets || hashes != c.hashes {
			t.Errorf("Nodes(%d, %d, %d): %d gets and %d hashes, want %d and %d", c.level, c.first, c.count, gets, hashes, c.gets, c.hashes)
		}
	}
	if gets, hashes := count(func() error { _, _, err := m.tree.Newest(); return err }); gets != 3 || hashes != 0 {
		t.Errorf("Newest: %d gets and %d hashes", gets, hashes)
	}
	if gets, _ := count(func() error { _, err := m.tree.FrontierAt(1); return err }); gets > 11 {
		t.Errorf("FrontierAt: %d gets", gets)
	}
	random := rand.New(rand.NewPCG(1, 2))
	most := uint64(0)
	for i := range uint64(2_000) {
		at := 1 + random.Uint64N(size)
		if i < 36 { // beside each power of two
			at = 1<<(i/2) + i%2
		}
		gets, hashes := count(func() error { _, err := m.tree.FrontierAtSize(at); return err })
		if hashes > 40 {
			t.Errorf("FrontierAtSize(%d): %d hashes", at, hashes)
		}
		most = max(most, gets)
	}
	if most != 10 {
		t.Errorf("FrontierAtSize: at most %d gets, want 10", most)
	}
}

// TestNodesAreBounded: a level or count that makes no sense is refused before
// the store is touched; the error says what would be right.
func TestNodesAreBounded(t *testing.T) {
	trace := kvtest.NewTraceStore(kvtest.Strict(t))
	tree := treetest.Open(t, trace)
	for _, c := range []struct {
		level int
		count uint64
		says  string
	}{
		{-1, 1, "level -1, want 0 to 32"},
		{33, 1, "level 33, want 0 to 32"},
		{33, 0, "level 33, want 0 to 32"},
		{1 << 30, 1, "want 0 to 32"},
		{0, kvshard.MaxNodes + 1, "65537 nodes, want at most 65536"},
		{16, 1<<64 - 1, "want at most 65536"},
	} {
		nodes, err := tree.Nodes(c.level, 0, c.count)
		var e *kvshard.Error
		if !errors.Is(err, kvshard.ErrInvalidArgument) || !errors.As(err, &e) || nodes != nil {
			t.Errorf("level %d, count %d: %v, %v", c.level, c.count, nodes, err)
		} else if !strings.Contains(e.What, c.says) {
			t.Errorf("level %d, count %d: %q, want %q", c.level, c.count, e.What, c.says)
		}
	}
	if ops := trace.String(); ops != "" {
		t.Errorf("the store was asked:\n%s", ops)
	}
	if nodes, err := tree.Nodes(0, 0, 0); len(nodes) != 0 || err != nil {
		t.Errorf("no nodes of no leaves: %v, %v", nodes, err)
	}
	if _, err := tree.Nodes(0, 0, kvshard.MaxNodes); !errors.Is(err, kvshard.ErrPositionNotFound) {
		t.Errorf("of an empty tree: %v", err)
	}
}
