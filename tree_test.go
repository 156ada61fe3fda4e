package kvshard_test

import (
	"errors"
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/kvshard/kvshard"
	"github.com/kvshard/kvshard/internal/treetest"
	"github.com/kvshard/kvshard/kvtest"
)

func TestWitnessesLeadToTheRoots(t *testing.T) {
	tree := treetest.Fill(t, dbm.NewMemDB())
	verify := func(w kvshard.Witness, err error, position uint64, root kvshard.Node) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := tree.Leaf(position)
		if err != nil || leaf != (kvshard.Node{byte(position + 1)}) {
			t.Errorf("leaf at %d: %s, %v", position, leaf, err)
		}
		if w.Position != position {
			t.Errorf("witness of position %d, want %d", w.Position, position)
		}
		if err := w.Verify(root, leaf); err != nil {
			t.Error(err)
		}
		if err := w.Verify(root, kvshard.Node{200}); !errors.Is(err, kvshard.ErrInvalidWitness) {
			t.Errorf("another leaf at %d: %v, want ErrInvalidWitness", position, err)
		}
	}
	root, err := tree.Root()
	if err != nil {
		t.Fatal(err)
	}
	for position := range uint64(50) {
		w, err := tree.Witness(position)
		verify(w, err, position, root)
	}
	for id, size := range map[uint32]uint64{10: 20, 20: 40, 30: 50} {
		if got, err := tree.SizeAt(id); got != size || err != nil {
			t.Errorf("size at %d is %d, %v; want %d", id, got, err, size)
		}
		root, err := tree.RootAt(id)
		if err != nil {
			t.Fatal(err)
		}
		for position := uint64(0); position < size; position += 3 {
			w, err := tree.WitnessAt(position, id)
			verify(w, err, position, root)
		}
	}
}

func TestWitnessRootRejects(t *testing.T) {
	bad := kvshard.Node{31: 0xFF}
	if _, err := (kvshard.Witness{Position: 1 << 32}).Root(kvshard.Node{}); !errors.Is(err, kvshard.ErrInvalidArgument) {
		t.Errorf("position 2^32: %v, want ErrInvalidArgument", err)
	}
	if _, err := (kvshard.Witness{}).Root(bad); !errors.Is(err, kvshard.ErrInvalidNode) {
		t.Errorf("leaf: %v, want ErrInvalidNode", err)
	}
	w := kvshard.Witness{}
	w.Path[31] = bad
	err := w.Verify(kvshard.Node{}, kvshard.Node{})
	var e *kvshard.Error
	if !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) || e.Index != 32 {
		t.Errorf("path: %v, want ErrInvalidNode at index 32", err)
	}
}

func TestFrontierGoesAroundTheWorld(t *testing.T) {
	tree := treetest.Fill(t, dbm.NewMemDB())
	f, err := tree.Frontier()
	if err != nil {
		t.Fatal(err)
	}
	// Position 49 is 0b110001.
	if f.Size != 50 || f.Leaf != (kvshard.Node{50}) || len(f.Ommers) != 3 || f.Ommers[0] != (kvshard.Node{49}) {
		t.Errorf("got %+v", f)
	}
	other, err := kvshard.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	if err := other.InsertFrontier(f, 30); err != nil {
		t.Fatal(err)
	}
	want, err := tree.RootAt(30)
	if err != nil {
		t.Fatal(err)
	}
	if root, err := other.RootAt(30); root != want || err != nil {
		t.Errorf("root %s, %v; want %s", root, err, want)
	}
	if size, err := other.SizeAt(30); size != 50 || err != nil {
		t.Errorf("size %d, %v; want 50", size, err)
	}
	if err := other.Check(); err != nil {
		t.Error(err)
	}
}

func TestInsertFrontierNamesTheInvalidNode(t *testing.T) {
	bad := kvshard.Node{31: 0xFF}
	for index, f := range []kvshard.Frontier{
		{Size: 4, Leaf: bad, Ommers: make([]kvshard.Node, 2)},
		{Size: 4, Ommers: []kvshard.Node{bad, {}}},
		{Size: 4, Ommers: []kvshard.Node{{}, bad}},
	} {
		db := dbm.NewMemDB()
		tree, err := kvshard.Open(db)
		if err != nil {
			t.Fatal(err)
		}
		err = tree.InsertFrontier(f, 1)
		var e *kvshard.Error
		if !errors.Is(err, kvshard.ErrInvalidNode) || !errors.As(err, &e) || e.Index != uint64(index) {
			t.Errorf("got %v, want ErrInvalidNode at index %d", err, index)
		}
		if n := db.Stats()["database.size"]; n != "0" {
			t.Errorf("%s records written", n)
		}
	}
}

func TestFrontierOfAnEmptyTree(t *testing.T) {
	tree, err := kvshard.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	f, err := tree.Frontier()
	if err != nil || f.Size != 0 || f.Leaf != (kvshard.Node{}) || len(f.Ommers) != 0 {
		t.Errorf("got %+v, %v; want the zero Frontier", f, err)
	}
}

func TestTreeFull(t *testing.T) {
	tree, err := kvshard.Open(dbm.NewMemDB())
	if err != nil {
		t.Fatal(err)
	}
	// Position 2^32-2 has a 0 bit at the bottom and 31 1 bits above it.
	nearlyFull := kvshard.Frontier{Size: 1<<32 - 1, Leaf: kvshard.Node{1}, Ommers: make([]kvshard.Node, 31)}
	if err := tree.InsertFrontier(nearlyFull, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.AppendBatch(make([]kvshard.Node, 2)); !errors.Is(err, kvshard.ErrTreeFull) {
		t.Errorf("two leaves: %v, want ErrTreeFull", err)
	}
	if position, err := tree.Append(kvshard.Node{2}); position != 1<<32-1 || err != nil {
		t.Errorf("last leaf: position %d, %v", position, err)
	}
	if _, err := tree.Append(kvshard.Node{3}); !errors.Is(err, kvshard.ErrTreeFull) {
		t.Errorf("one leaf too many: %v, want ErrTreeFull", err)
	}
	if size, err := tree.Size(); size != 1<<32 || err != nil {
		t.Errorf("size %d, %v; want 2^32", size, err)
	}
	if _, err := tree.Root(); err != nil {
		t.Error(err)
	}
}

// TestTreesRunInParallel has its worth under the race detector.
func TestTreesRunInParallel(t *testing.T) {
	var group sync.WaitGroup
	roots := make([]kvshard.Node, 8)
	for i := range roots {
		group.Go(func() {
			tree := treetest.Fill(t, dbm.NewMemDB())
			var err error
			if roots[i], err = tree.Root(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, root := range roots {
		if root != roots[0] {
			t.Errorf("roots differ: %s and %s", root, roots[0])
		}
	}
}

// TestRetainFindsAListingCutShort: to retain the oldest checkpoint is to look
// for the one behind it, which must be there.
func TestRetainFindsAListingCutShort(t *testing.T) {
	for shown := range 2 {
		mem := kvtest.Strict(t)
		treetest.Fill(t, mem)
		before := mem.Clone()
		tree, err := kvshard.Open(kvtest.NewFaultStore(mem, kvtest.Fault{At: shown + 1, Mode: kvtest.FaultEnd}))
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.RetainCheckpoint(10); !errors.Is(err, kvshard.ErrCorrupt) {
			t.Errorf("%d of 3 checkpoints listed: %v, want ErrCorrupt", shown, err)
		}
		if !mem.Equal(before) {
			t.Errorf("%d of 3 checkpoints listed: the store changed:\n%s", shown, before.Diff(mem))
		}
	}
}
