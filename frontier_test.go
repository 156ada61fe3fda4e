package kvshard_test

import (
	"errors"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/realdata"
	"github.com/kvshard/kvshard/internal/treetest"
)

// TestFrontierRoot: a frontier of each size has the root that the tree had then.
func TestFrontierRoot(t *testing.T) {
	tree, err := kvshard.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	for size := range uint64(70) {
		f, err := tree.Frontier()
		if err != nil || f.Size != size {
			t.Fatalf("frontier of %d leaves: %+v, %v", size, f, err)
		}
		want, err := tree.Root()
		if err != nil {
			t.Fatal(err)
		}
		if root, err := f.Root(); root != want || err != nil {
			t.Errorf("%d leaves: %s, %v; want %s", size, root, err, want)
		}
		if _, err := tree.Append(treetest.LeafAt(size)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRealFrontierRoots: the main chain's, up to 49.5 million leaves.
func TestRealFrontierRoots(t *testing.T) {
	frontiers, err := realdata.Frontiers()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frontiers {
		made := kvshard.Frontier{Size: f.Size, Leaf: f.Leaf, Ommers: treetest.Nodes(f.Ommers)}
		if root, err := made.Root(); root != f.Root || err != nil {
			t.Errorf("block %d: %s, %v; want %x", f.Height, root, err, f.Root)
		}
	}
}

func TestBadFrontierHasNoRoot(t *testing.T) {
	for _, bad := range badFrontiers {
		root, err := bad.f.Root()
		var e *kvshard.Error
		if !errors.Is(err, bad.kind) || !errors.As(err, &e) || e.Index != bad.index || e.Op != "Frontier.Root" || root != (kvshard.Node{}) {
			t.Errorf("%+v: %s, %v, want %v of node %d", bad.f, root, err, bad.kind, bad.index)
		}
	}
}
