package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

// emptyRoot is EmptyRoot for a valid level.
func emptyRoot(t testing.TB, level int) kvshard.Node {
	t.Helper()
	root, err := kvshard.EmptyRoot(level)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// combined is Combine for canonical nodes.
func combined(t testing.TB, level int, left, right kvshard.Node) kvshard.Node {
	t.Helper()
	parent, err := kvshard.Combine(level, left, right)
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

// A plainTree is a tree without a store, made of Combine and EmptyRoot alone:
// for each level it has the completed subtree that is a left child and still
// lacks a sibling.
type plainTree struct {
	size  uint64
	edges [kvshard.Depth]kvshard.Node
}

// plainTreeOf returns the tree of a frontier that is not empty.
func plainTreeOf(t testing.TB, f kvshard.Frontier) *plainTree {
	p := &plainTree{size: f.Size - 1}
	ommers := f.Ommers
	for level := range kvshard.Depth {
		if p.size>>level&1 == 1 {
			p.edges[level], ommers = ommers[0], ommers[1:]
		}
	}
	p.append(t, f.Leaf)
	return p
}

func (p *plainTree) append(t testing.TB, leaves ...kvshard.Node) {
	t.Helper()
	for _, node := range leaves {
		level := 0
		for ; p.size>>level&1 == 1; level++ {
			node = combined(t, level, p.edges[level], node)
		}
		p.edges[level] = node
		p.size++
	}
}

func (p *plainTree) root(t testing.TB) kvshard.Node {
	t.Helper()
	node := emptyRoot(t, 0)
	for level := range kvshard.Depth {
		if p.size>>level&1 == 1 {
			node = combined(t, level, p.edges[level], node)
		} else {
			node = combined(t, level, node, emptyRoot(t, level))
		}
	}
	return node
}

// TestConsensusRoots appends the commitments of real blocks, block by block.
func TestConsensusRoots(t *testing.T) {
	for network, load := range map[string]func() (realdata.Chain, error){"testnet": realdata.Testnet, "mainnet": realdata.Mainnet} {
		t.Run(network, func(t *testing.T) {
			chain, err := load()
			if err != nil {
				t.Fatal(err)
			}
			tree := treetest.Open(t, kvtest.Strict(t))
			for _, b := range chain.Blocks {
				if _, err := tree.AppendBatch(treetest.Nodes(b.Commitments)); err != nil {
					t.Fatal(err)
				}
				if err := tree.Checkpoint(b.Height); err != nil {
					t.Fatal(err)
				}
				if root, err := tree.Root(); root != b.RootAfter || err != nil {
					t.Errorf("block %d: root %s, %v; the consensus root is %x", b.Height, root, err, b.RootAfter)
				}
			}
			for _, b := range chain.Blocks {
				root, err := tree.RootAt(b.Height)
				if root != b.RootAfter || err != nil {
					t.Errorf("root at %d: %s, %v; the consensus root is %x", b.Height, root, err, b.RootAfter)
				}
				if size, err := tree.SizeAt(b.Height); size != b.SizeAfter || err != nil {
					t.Errorf("size at %d: %d, %v; want %d", b.Height, size, err, b.SizeAfter)
				}
				for position := range b.SizeAfter {
					verify(t, tree, position, b.Height, root)
				}
			}
			treetest.CheckTree(t, tree)
		})
	}
}

// verify checks the leaf at a position and folds its witness at a checkpoint to
// the root.
func verify(t testing.TB, tree *kvshard.Tree, position uint64, id uint32, root kvshard.Node) {
	t.Helper()
	leaf, err := tree.Leaf(position)
	if err != nil {
		t.Fatal(err)
	}
	w, err := tree.WitnessAt(position, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Verify(root, leaf); err != nil {
		t.Error(err)
	}
}

// TestRealFrontiers starts trees from frontiers of the main chain, the largest
// of 49.5 million leaves, and goes on from there.
func TestRealFrontiers(t *testing.T) {
	frontiers, err := realdata.Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frontiers {
		t.Run(fmt.Sprintf("%d leaves", f.Size), func(t *testing.T) { goOnFrom(t, f, 1_000) })
	}
}

// TestMoreRealFrontiers does the same with the frontiers of the optional
// directory ../shared/testdata beside the repository.
func TestMoreRealFrontiers(t *testing.T) {
	const name = "orchard_mainnet_frontiers.json"
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "testdata", name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no ../shared/testdata/%s beside the repository: there are three of its frontiers in testdata", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Frontiers []struct {
			Height     uint32
			Size       uint64
			Leaf, Root kvshard.Node
			Ommers     []kvshard.Node
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Frontiers) == 0 {
		t.Fatalf("%s has no frontiers", name)
	}
	for _, f := range file.Frontiers {
		known := realdata.Frontier{Height: f.Height, Size: f.Size, Leaf: f.Leaf, Root: f.Root}
		for _, ommer := range f.Ommers {
			known.Ommers = append(known.Ommers, ommer)
		}
		goOnFrom(t, known, 50)
	}
}

// goOnFrom starts a tree from a frontier and appends n leaves, block by block.
func goOnFrom(t *testing.T, known realdata.Frontier, n int) {
	t.Helper()
	f := treetest.FrontierOf(known)
	tree := treetest.Open(t, kvtest.Strict(t))
	if err := tree.InsertFrontier(f, known.Height); err != nil {
		t.Fatal(err)
	}
	if root, err := tree.Root(); root != known.Root || err != nil {
		t.Errorf("from %d leaves: root %s, %v; want %x", f.Size, root, err, known.Root)
	}
	if back, err := tree.Frontier(); fmt.Sprint(back) != fmt.Sprint(f) || err != nil {
		t.Errorf("from %d leaves: the frontier comes back as %v, %v", f.Size, back, err)
	}

	plain := plainTreeOf(t, f)
	size, id := f.Size, known.Height
	for done := 0; done < n; {
		leaves := min(100, n-done)
		id++
		root, err := treetest.Block(tree, size, leaves, id)
		if err != nil {
			t.Fatal(err)
		}
		plain.append(t, treetest.LeavesAt(size, leaves)...)
		if want := plain.root(t); root != want {
			t.Errorf("%d leaves: root %s, want %s", size, root, want)
		}
		size, done = size+uint64(leaves), done+leaves
	}
	root, err := tree.RootAt(id)
	if err != nil {
		t.Fatal(err)
	}
	for position := f.Size - 1; position < size; position += 37 {
		verify(t, tree, position, id, root)
	}
	// The leaf just before may be an ommer, which is kept.
	if _, err := tree.Witness(f.Size - 3); !errors.Is(err, kvshard.ErrPruned) {
		t.Errorf("a leaf before the frontier: %v, want ErrPruned", err)
	}
	if root, err := tree.RootAt(known.Height); root != known.Root || err != nil {
		t.Errorf("root at the frontier, later: %s, %v; want %x", root, err, known.Root)
	}
	treetest.CheckTree(t, tree)
	if err := tree.Rewind(known.Height); err != nil {
		t.Fatal(err)
	}
	if back, err := tree.Frontier(); fmt.Sprint(back) != fmt.Sprint(f) || err != nil {
		t.Errorf("after a rewind the frontier comes back as %v, %v", back, err)
	}
	treetest.CheckTree(t, tree)
}

// TestEmptyRootVectors compares the empty root of each of the 33 levels.
func TestEmptyRootVectors(t *testing.T) {
	want, err := realdata.EmptyRoots()
	if err != nil {
		t.Fatal(err)
	}
	for level, root := range want {
		if got := emptyRoot(t, level); got != root {
			t.Errorf("level %d: %s, want %x", level, got, root)
		}
		if level > 0 {
			below := emptyRoot(t, level-1)
			if got := combined(t, level-1, below, below); got != root {
				t.Errorf("level %d: combined %s, want %x", level, got, root)
			}
		}
	}
}

// TestDepth4Vectors builds the trees of depth 4 with Combine and compares roots
// and paths. It does the same with a Tree, whose lowest levels they are.
func TestDepth4Vectors(t *testing.T) {
	vectors, err := realdata.MerkleDepth4()
	if err != nil {
		t.Fatal(err)
	}
	tree := treetest.Open(t, kvtest.Strict(t))
	for i, want := range vectors.Trees {
		if _, err := tree.Append(vectors.Leaves[i]); err != nil {
			t.Fatal(err)
		}
		row := make([]kvshard.Node, 16)
		for j := range row {
			row[j] = emptyRoot(t, 0)
			if j < want.Size {
				row[j] = vectors.Leaves[j]
			}
		}
		for level := range 4 {
			pairs := make([][2]kvshard.Node, len(row)/2)
			for j := range pairs {
				pairs[j] = [2]kvshard.Node{row[2*j], row[2*j+1]}
			}
			parents, err := kvshard.CombineBatch(level, pairs)
			if err != nil {
				t.Fatal(err)
			}
			for j, path := range want.Paths {
				if got := row[j>>level^1]; got != path[level] {
					t.Errorf("%d leaves: path of %d, level %d: %s, want %x", want.Size, j, level, got, path[level])
				}
			}
			row = parents
		}
		if row[0] != want.Root {
			t.Errorf("%d leaves: root %s, want %x", want.Size, row[0], want.Root)
		}
		for j, path := range want.Paths {
			w, err := tree.Witness(uint64(j))
			if err != nil {
				t.Fatal(err)
			}
			for level := range path {
				if w.Path[level] != path[level] {
					t.Errorf("%d leaves: witness of %d, level %d: %s, want %x", want.Size, j, level, w.Path[level], path[level])
				}
			}
		}
	}
}
